-- SPDX-License-Identifier: PostgreSQL
-- 110_groups.sql - groups, who is in them, and what follows on servers.

CREATE FUNCTION sft_core.free_server_group_name(team_id uuid, name text) RETURNS text
LANGUAGE plpgsql STABLE AS $$
DECLARE
    stem text := 'sft_' || left(regexp_replace(lower(name), '[^a-z0-9_-]', '_', 'g'), 22);
    candidate text := stem;
    n int := 1;
BEGIN
    WHILE EXISTS (SELECT FROM sft.groups g WHERE g.team_id = free_server_group_name.team_id
        AND g.server_group_name = candidate) LOOP
        n := n + 1;
        candidate := stem || n;
    END LOOP;
    RETURN candidate;
END $$;
COMMENT ON FUNCTION sft_core.free_server_group_name(uuid, text) IS 'A group''s name on servers: sft_, its name in lower case, and a number if another group has that.';

CREATE FUNCTION sft_core.group_create(by sft.actor, team_id uuid, name text, roles text[] DEFAULT '{}') RETURNS uuid
LANGUAGE plpgsql AS $$
DECLARE
    made uuid;
BEGIN
    INSERT INTO sft.groups (team_id, name, roles, server_group_name)
    VALUES (group_create.team_id, group_create.name, group_create.roles,
        sft_core.free_server_group_name(group_create.team_id, group_create.name))
    RETURNING id INTO made;
    PERFORM sft_core.note(by, team_id, 'group.create', jsonb_build_object('group_id', made, 'group',
        group_create.name, 'roles', to_jsonb(group_create.roles)));
    RETURN made;
END $$;
COMMENT ON FUNCTION sft_core.group_create(sft.actor, uuid, text, text[]) IS 'Makes a group. Refuses: group_name_format, group_name_taken, group_role_unknown.';

CREATE FUNCTION sft_core.group_id(team_id uuid, name text) RETURNS uuid
LANGUAGE plpgsql STABLE AS $$
DECLARE
    found_id uuid;
BEGIN
    SELECT g.id INTO found_id FROM sft.groups g
     WHERE g.team_id = group_id.team_id AND lower(g.name) = lower(group_id.name) AND g.deleted_at IS NULL;
    IF found_id IS NULL THEN
        PERFORM sft_core.refuse(404, 'group_unknown', format('There is no group named %s.', left(group_id.name, 64)));
    END IF;
    RETURN found_id;
END $$;
COMMENT ON FUNCTION sft_core.group_id(uuid, text) IS 'The group of a name. Refuses: group_unknown.';

CREATE FUNCTION sft_core.touch_group(team_id uuid, group_id uuid) RETURNS void
LANGUAGE plpgsql AS $$
DECLARE
    projects uuid[];
    one      uuid;
BEGIN
    SELECT coalesce(array_agg(pg.project_id ORDER BY pg.project_id), '{}') INTO projects FROM sft.project_groups pg
     WHERE pg.team_id = touch_group.team_id AND pg.group_id = touch_group.group_id;
    FOREACH one IN ARRAY projects LOOP
        PERFORM sft_core.give_unix_ids(team_id, one);
    END LOOP;
    PERFORM sft_core.touch_projects(team_id, VARIADIC projects);
END $$;
COMMENT ON FUNCTION sft_core.touch_group(uuid, uuid) IS 'Who is in a group changed: its projects'' servers should know.';

CREATE FUNCTION sft_core.member_add(by sft.actor, team_id uuid, group_id uuid, user_id uuid) RETURNS void
LANGUAGE plpgsql AS $$
BEGIN
    IF (SELECT u.status FROM sft.users u WHERE u.team_id = member_add.team_id
        AND u.id = member_add.user_id FOR NO KEY UPDATE) = 'DELETED' THEN
        PERFORM sft_core.refuse(404, 'user_unknown', 'This user was deleted.');
    END IF;
    INSERT INTO sft.group_members (team_id, group_id, user_id) VALUES (member_add.team_id, member_add.group_id,
        member_add.user_id);
    PERFORM sft_core.touch_group(team_id, group_id);
    PERFORM sft_core.note(by, team_id, 'member.add', jsonb_build_object('group_id', group_id, 'member_id', user_id));
END $$;
COMMENT ON FUNCTION sft_core.member_add(sft.actor, uuid, uuid, uuid) IS 'Puts a user into a group. Refuses: user_unknown, group_member_taken, group_member_group_unknown, group_member_user_unknown.';

CREATE FUNCTION sft_core.member_remove(by sft.actor, team_id uuid, group_id uuid, user_id uuid) RETURNS void
LANGUAGE plpgsql AS $$
BEGIN
    PERFORM sft_core.fence(team_id);
    DELETE FROM sft.group_members m
     WHERE m.team_id = member_remove.team_id AND m.group_id = member_remove.group_id
         AND m.user_id = member_remove.user_id;
    IF NOT FOUND THEN
        PERFORM sft_core.refuse(404, 'group_member_unknown', 'This user is not in the group.');
    END IF;
    PERFORM sft_core.touch_group(team_id, group_id);
    PERFORM sft_core.note(by, team_id, 'member.remove', jsonb_build_object('group_id', group_id, 'member_id', user_id));
END $$;
COMMENT ON FUNCTION sft_core.member_remove(sft.actor, uuid, uuid, uuid) IS 'Takes a user out of a group. Refuses: group_member_unknown.';

CREATE FUNCTION sft_core.group_delete(by sft.actor, team_id uuid, group_id uuid) RETURNS void
LANGUAGE plpgsql AS $$
DECLARE
    projects uuid[];
BEGIN
    PERFORM sft_core.fence(team_id);
    UPDATE sft.groups g SET deleted_at = now()
     WHERE g.team_id = group_delete.team_id AND g.id = group_delete.group_id AND g.deleted_at IS NULL
         AND lower(g.name) NOT IN ('everyone', 'owners');
    IF NOT FOUND THEN
        PERFORM sft_core.refuse(404, 'group_unknown', 'There is no such group, or it is built in.');
    END IF;
    WITH gone AS (DELETE FROM sft.project_groups pg WHERE pg.team_id = group_delete.team_id
        AND pg.group_id = group_delete.group_id RETURNING pg.project_id)
    SELECT coalesce(array_agg(gone.project_id), '{}') INTO projects FROM gone;
    DELETE FROM sft.group_members m WHERE m.team_id = group_delete.team_id AND m.group_id = group_delete.group_id;
    PERFORM sft_core.touch_projects(team_id, VARIADIC projects);
    PERFORM sft_core.note(by, team_id, 'group.delete', jsonb_build_object('group_id', group_id));
END $$;
COMMENT ON FUNCTION sft_core.group_delete(sft.actor, uuid, uuid) IS 'Removes a group, its members'' rights with it. Refuses: group_unknown.';
