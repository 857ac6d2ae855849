-- SPDX-License-Identifier: PostgreSQL
-- 110_groups.sql - groups, who is in them, and what follows on servers.

CREATE FUNCTION sft_core.unix_name_taken(team_id uuid, name text) RETURNS boolean
LANGUAGE sql STABLE AS $$
    SELECT EXISTS (SELECT FROM sft.unix_names n WHERE n.team_id = $1 AND n.name = $2)
        OR EXISTS (SELECT FROM sft.shared_accounts a WHERE a.team_id = $1 AND a.server_user_name = $2)
$$;
COMMENT ON FUNCTION sft_core.unix_name_taken(uuid, text) IS 'Whether a user, a group or a shared account of the team has, or had, a name on servers.';

CREATE FUNCTION sft_core.unix_name_give(team_id uuid, name text, user_id uuid DEFAULT NULL, group_id uuid DEFAULT NULL) RETURNS void
LANGUAGE plpgsql AS $$
BEGIN
    IF EXISTS (SELECT FROM sft.shared_accounts a WHERE a.team_id = unix_name_give.team_id AND a.server_user_name = unix_name_give.name) THEN
        PERFORM sft_core.refuse(409, 'unix_name_taken', 'A shared account of the team has this name on servers.');
    END IF;
    INSERT INTO sft.unix_names (team_id, name, user_id, group_id)
    VALUES (unix_name_give.team_id, unix_name_give.name, unix_name_give.user_id, unix_name_give.group_id);
END $$;
COMMENT ON FUNCTION sft_core.unix_name_give(uuid, text, uuid, uuid) IS 'Gives a name on servers to a user or a group, for good. Refuses: unix_name_taken, server_user_name_format, server_user_name_reserved.';

CREATE FUNCTION sft_core.free_server_group_name(team_id uuid, name text) RETURNS text
LANGUAGE plpgsql STABLE AS $$
DECLARE
    stem text := 'sft_' || left(regexp_replace(lower(name), '[^a-z0-9_-]', '_', 'g'), 22);
    candidate text := stem;
    n int := 1;
BEGIN
    WHILE sft_core.unix_name_taken(team_id, candidate) LOOP
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
    PERFORM sft_core.need_grant(by, group_create.roles);
    PERFORM FROM sft.teams t WHERE t.id = group_create.team_id FOR NO KEY UPDATE;     -- numbers after names are given one at a time
    INSERT INTO sft.groups (team_id, name, roles, server_group_name)
    VALUES (group_create.team_id, group_create.name, group_create.roles,
        sft_core.free_server_group_name(group_create.team_id, group_create.name::sft.group_name))
    RETURNING id INTO made;
    PERFORM sft_core.unix_name_give(team_id, (SELECT g.server_group_name FROM sft.groups g WHERE g.team_id = group_create.team_id AND g.id = made), group_id => made);
    PERFORM sft_core.note(by, team_id, 'group.create', jsonb_build_object('group_id', made, 'group',
        group_create.name, 'roles', to_jsonb(group_create.roles)));
    RETURN made;
END $$;
COMMENT ON FUNCTION sft_core.group_create(sft.actor, uuid, text, text[]) IS 'Makes a group. Refuses: group_name_format, group_name_taken, group_role_unknown, role_not_held.';

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

CREATE FUNCTION sft_core.group_roles(team_id uuid, group_id uuid) RETURNS text[]
LANGUAGE sql STABLE AS $$
    SELECT g.roles || CASE WHEN lower(g.name) = 'owners' THEN ARRAY['owners'] ELSE '{}' END
      FROM sft.groups g WHERE g.team_id = group_roles.team_id AND g.id = group_roles.group_id
$$;
COMMENT ON FUNCTION sft_core.group_roles(uuid, uuid) IS 'What a group gives its members.';

CREATE FUNCTION sft_core.need_owner_left(team_id uuid) RETURNS void
LANGUAGE plpgsql AS $$
BEGIN
    IF NOT EXISTS (SELECT FROM sft.groups g JOIN sft.group_members m ON m.team_id = g.team_id AND m.group_id = g.id
                     JOIN sft.users u ON u.team_id = m.team_id AND u.id = m.user_id AND u.status = 'ACTIVE' AND u.user_type = 'human'
                    WHERE g.team_id = need_owner_left.team_id AND lower(g.name) = 'owners') THEN
        PERFORM sft_core.refuse(409, 'last_owner', 'A team keeps at least one active person in the group owners.');
    END IF;
END $$;
COMMENT ON FUNCTION sft_core.need_owner_left(uuid) IS 'Called after somebody stopped being an owner, behind the fence. Refuses: last_owner.';

CREATE FUNCTION sft_core.group_hold(team_id uuid, group_id uuid) RETURNS void
LANGUAGE plpgsql AS $$
BEGIN
    PERFORM FROM sft.groups g WHERE g.team_id = group_hold.team_id AND g.id = group_hold.group_id AND g.deleted_at IS NULL FOR SHARE;
    IF NOT FOUND THEN
        PERFORM sft_core.refuse(404, 'group_unknown', 'There is no such group.');
    END IF;
END $$;
COMMENT ON FUNCTION sft_core.group_hold(uuid, uuid) IS 'Nobody deletes the group until this is committed; whoever is doing so is waited for. Refuses: group_unknown.';

CREATE FUNCTION sft_core.member_add(by sft.actor, team_id uuid, group_id uuid, user_id uuid) RETURNS void
LANGUAGE plpgsql AS $$
BEGIN
    IF (SELECT u.status FROM sft.users u WHERE u.team_id = member_add.team_id
        AND u.id = member_add.user_id FOR NO KEY UPDATE) = 'DELETED' THEN
        PERFORM sft_core.refuse(404, 'user_unknown', 'This user was deleted.');
    END IF;
    PERFORM sft_core.group_hold(team_id, group_id);
    PERFORM sft_core.need_grant(by, sft_core.group_roles(team_id, group_id));
    INSERT INTO sft.group_members (team_id, group_id, user_id) VALUES (member_add.team_id, member_add.group_id,
        member_add.user_id);
    PERFORM sft_core.touch_group(team_id, group_id);
    PERFORM sft_core.note(by, team_id, 'member.add', jsonb_build_object('group_id', group_id, 'member_id', user_id));
END $$;
COMMENT ON FUNCTION sft_core.member_add(sft.actor, uuid, uuid, uuid) IS 'Puts a user into a group. Refuses: user_unknown, role_not_held, group_member_taken, group_member_group_unknown, group_member_user_unknown.';

CREATE FUNCTION sft_core.member_remove(by sft.actor, team_id uuid, group_id uuid, user_id uuid) RETURNS void
LANGUAGE plpgsql AS $$
BEGIN
    PERFORM sft_core.fence(team_id);
    PERFORM sft_core.need_grant(by, sft_core.group_roles(team_id, group_id));
    DELETE FROM sft.group_members m
     WHERE m.team_id = member_remove.team_id AND m.group_id = member_remove.group_id
         AND m.user_id = member_remove.user_id;
    IF NOT FOUND THEN
        PERFORM sft_core.refuse(404, 'group_member_unknown', 'This user is not in the group.');
    END IF;
    IF 'owners' = ANY (sft_core.group_roles(team_id, group_id)) THEN
        PERFORM sft_core.need_owner_left(team_id);
    END IF;
    PERFORM sft_core.touch_group(team_id, group_id);
    PERFORM sft_core.note(by, team_id, 'member.remove', jsonb_build_object('group_id', group_id, 'member_id', user_id));
END $$;
COMMENT ON FUNCTION sft_core.member_remove(sft.actor, uuid, uuid, uuid) IS 'Takes a user out of a group. Refuses: group_member_unknown, role_not_held, last_owner.';

CREATE FUNCTION sft_core.group_delete(by sft.actor, team_id uuid, group_id uuid) RETURNS void
LANGUAGE plpgsql AS $$
DECLARE
    projects uuid[];
BEGIN
    PERFORM sft_core.fence(team_id);
    PERFORM sft_core.need_grant(by, sft_core.group_roles(team_id, group_id));
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
COMMENT ON FUNCTION sft_core.group_delete(sft.actor, uuid, uuid) IS 'Removes a group, its members'' rights with it. Refuses: group_unknown, role_not_held.';

CREATE FUNCTION sft_core.group_set_roles(by sft.actor, team_id uuid, group_id uuid, roles text[]) RETURNS void
LANGUAGE plpgsql AS $$
DECLARE
    old text[];
BEGIN
    PERFORM sft_core.fence(team_id);
    SELECT sft_core.group_roles(g.team_id, g.id) INTO old FROM sft.groups g
     WHERE g.team_id = group_set_roles.team_id AND g.id = group_set_roles.group_id AND g.deleted_at IS NULL FOR NO KEY UPDATE;
    IF old IS NULL THEN
        PERFORM sft_core.refuse(404, 'group_unknown', 'There is no such group.');
    ELSIF 'owners' = ANY (old) THEN
        PERFORM sft_core.refuse(403, 'group_built_in', 'The roles of owners do not change.');
    END IF;
    PERFORM sft_core.need_grant(by, old || group_set_roles.roles);
    UPDATE sft.groups g SET roles = ARRAY(SELECT DISTINCT r FROM unnest(group_set_roles.roles) r ORDER BY r)
     WHERE g.team_id = group_set_roles.team_id AND g.id = group_set_roles.group_id;
    PERFORM sft_core.note(by, team_id, 'permission.change', jsonb_build_object('group_id', group_id, 'roles', to_jsonb(group_set_roles.roles),
        'roles_before', to_jsonb(old)));
END $$;
COMMENT ON FUNCTION sft_core.group_set_roles(sft.actor, uuid, uuid, text[]) IS 'Says what members of a group may do in the team. Refuses: group_unknown, group_built_in, group_role_unknown, role_not_held.';

CREATE FUNCTION sft_core.refuse_everyone(team_id uuid, group_id uuid) RETURNS void
LANGUAGE plpgsql STABLE AS $$
BEGIN
    IF EXISTS (SELECT FROM sft.groups g WHERE g.team_id = refuse_everyone.team_id AND g.id = refuse_everyone.group_id AND lower(g.name) = 'everyone') THEN
        PERFORM sft_core.refuse(403, 'group_built_in', 'Everybody is in the group everyone.');
    END IF;
END $$;
COMMENT ON FUNCTION sft_core.refuse_everyone(uuid, uuid) IS 'Who is in everyone is not for anybody to say. Refuses: group_built_in.';

CREATE FUNCTION sft_core.group_json(g sft.groups) RETURNS jsonb
LANGUAGE sql STABLE
RETURN jsonb_build_object('id', (g).id, 'name', (g).name, 'roles', to_jsonb((g).roles), 'federated_from_team', NULL, 'federation_approved_at', NULL,
    'deleted_at', sft_core.json_time((g).deleted_at));
COMMENT ON FUNCTION sft_core.group_json(sft.groups) IS 'A group as answers show it.';

CREATE FUNCTION sft_core.group_page(req sft.request, of_user uuid DEFAULT NULL) RETURNS sft.response
LANGUAGE plpgsql STABLE AS $$
DECLARE
    team uuid := ((req).actor).team_id;
    page sft_core.page;
BEGIN
    page := sft_core.page_of(req, ARRAY(
        SELECT (lower(g.name), g.id)::sft_core.entry FROM sft.groups g
         WHERE g.team_id = team AND g.deleted_at IS NULL AND sft_core.name_matches((req).query, g.name)
           AND (sft_core.query_text((req).query, 'id') IS NULL OR g.id::text = ANY (string_to_array((req).query->>'id', ',')))
           AND (of_user IS NULL OR EXISTS (SELECT FROM sft.group_members m WHERE m.team_id = team AND m.group_id = g.id AND m.user_id = of_user))));
    RETURN sft_core.page_reply(page, ARRAY(SELECT l.item FROM unnest(page.ids::uuid[]) WITH ORDINALITY i (id, o)
        CROSS JOIN LATERAL (SELECT sft_core.group_json(g) AS item FROM sft.groups g WHERE g.team_id = team AND g.id = i.id OFFSET 0) l ORDER BY i.o));
END $$;
COMMENT ON FUNCTION sft_core.group_page(sft.request, uuid) IS 'The groups of the team, or of one user, by name. Filters: contains, starts_with, id.';

CREATE FUNCTION sft_core.group_in_path(req sft.request) RETURNS uuid
LANGUAGE sql STABLE
RETURN sft_core.group_id(((req).actor).team_id, (req).params[2]);
COMMENT ON FUNCTION sft_core.group_in_path(sft.request) IS 'The group that the path names. Refuses: group_unknown.';

CREATE FUNCTION sft_api.group_list(req sft.request) RETURNS sft.response
LANGUAGE plpgsql STABLE AS $$
BEGIN
    RETURN sft_core.group_page(req);
END $$;
COMMENT ON FUNCTION sft_api.group_list(sft.request) IS 'The team''s groups. Refuses: count_format, offset_format, descending_format, prev_format.';

CREATE FUNCTION sft_api.group_create(req sft.request) RETURNS sft.response
LANGUAGE plpgsql AS $$
DECLARE
    team uuid := (req.actor).team_id;
    made uuid := sft_core.group_create(req.actor, team, sft_core.need_text(req.body, 'name', 127), sft_core.maybe_texts(req.body, 'roles', 16));
BEGIN
    RETURN sft_core.reply(201, (SELECT sft_core.group_json(g) FROM sft.groups g WHERE g.team_id = team AND g.id = made));
END $$;
COMMENT ON FUNCTION sft_api.group_create(sft.request) IS 'Makes a group. Refuses: name_missing, name_format, roles_format, group_name_format, group_name_taken, group_role_unknown, role_not_held.';

CREATE FUNCTION sft_api.group_show(req sft.request) RETURNS sft.response
LANGUAGE plpgsql STABLE AS $$
BEGIN
    RETURN sft_core.reply(200, (SELECT sft_core.group_json(g) FROM sft.groups g WHERE g.team_id = (req.actor).team_id AND g.id = sft_core.group_in_path(req)));
END $$;
COMMENT ON FUNCTION sft_api.group_show(sft.request) IS 'A group. Refuses: group_unknown.';

CREATE FUNCTION sft_api.group_update(req sft.request) RETURNS sft.response
LANGUAGE plpgsql AS $$
DECLARE
    wanted uuid := sft_core.group_in_path(req);
BEGIN
    IF req.body->'roles' IS NULL THEN
        PERFORM sft_core.refuse(400, 'roles_missing', 'The field roles is missing.');
    END IF;
    PERFORM sft_core.group_set_roles(req.actor, (req.actor).team_id, wanted, sft_core.maybe_texts(req.body, 'roles', 16));
    RETURN sft_core.reply(204);
END $$;
COMMENT ON FUNCTION sft_api.group_update(sft.request) IS 'Sets the roles of a group. Refuses: group_unknown, roles_missing, roles_format, group_role_unknown, group_built_in, role_not_held.';

CREATE FUNCTION sft_api.group_delete(req sft.request) RETURNS sft.response
LANGUAGE plpgsql AS $$
BEGIN
    IF lower(req.params[2]) IN ('everyone', 'owners') THEN
        PERFORM sft_core.refuse(403, 'group_built_in', 'This group is built in.');
    END IF;
    PERFORM sft_core.group_delete(req.actor, (req.actor).team_id, sft_core.group_in_path(req));
    RETURN sft_core.reply(204);
END $$;
COMMENT ON FUNCTION sft_api.group_delete(sft.request) IS 'Removes a group, and with it what its members could do by it. Refuses: group_unknown, group_built_in, role_not_held.';

CREATE FUNCTION sft_api.group_member_list(req sft.request) RETURNS sft.response
LANGUAGE plpgsql STABLE AS $$
BEGIN
    RETURN sft_core.user_page(req, sft_core.query_one_of(req.query, 'user_type', 'human', 'service'), in_group => sft_core.group_in_path(req));
END $$;
COMMENT ON FUNCTION sft_api.group_member_list(sft.request) IS 'The members of a group. Refuses: group_unknown, user_type_format, status_format, count_format, offset_format.';

CREATE FUNCTION sft_api.group_stranger_list(req sft.request) RETURNS sft.response
LANGUAGE plpgsql STABLE AS $$
BEGIN
    RETURN sft_core.user_page(req, CASE WHEN NOT sft_core.query_flag(req.query, 'include_service_users') THEN 'human' END,
        not_in_group => sft_core.group_in_path(req));
END $$;
COMMENT ON FUNCTION sft_api.group_stranger_list(sft.request) IS 'The users of the team that are not in a group. Refuses: group_unknown, include_service_users_format, status_format, count_format, offset_format.';

CREATE FUNCTION sft_api.group_member_create(req sft.request) RETURNS sft.response
LANGUAGE plpgsql AS $$
DECLARE
    team  uuid := (req.actor).team_id;
    wanted uuid := sft_core.group_in_path(req);
    joins uuid := sft_core.user_id(team, sft_core.need_text(req.body, 'name', 127));
BEGIN
    PERFORM sft_core.refuse_everyone(team, wanted);
    PERFORM FROM sft.users u WHERE u.team_id = team AND u.id = joins FOR NO KEY UPDATE;      -- its double is through then
    IF NOT EXISTS (SELECT FROM sft.group_members m WHERE m.team_id = team AND m.group_id = wanted AND m.user_id = joins) THEN
        PERFORM sft_core.member_add(req.actor, team, wanted, joins);
    END IF;
    RETURN sft_core.reply(204);
END $$;
COMMENT ON FUNCTION sft_api.group_member_create(sft.request) IS 'Puts a user into a group; once more is no error. Refuses: group_unknown, name_missing, user_unknown, group_built_in, role_not_held.';

CREATE FUNCTION sft_api.group_member_delete(req sft.request) RETURNS sft.response
LANGUAGE plpgsql AS $$
DECLARE
    team  uuid := (req.actor).team_id;
    left_group uuid := sft_core.group_in_path(req);
BEGIN
    PERFORM sft_core.refuse_everyone(team, left_group);
    PERFORM sft_core.member_remove(req.actor, team, left_group, sft_core.user_id(team, req.params[3]));
    RETURN sft_core.reply(204);
END $$;
COMMENT ON FUNCTION sft_api.group_member_delete(sft.request) IS 'Takes a user out of a group. Refuses: group_unknown, user_unknown, group_member_unknown, group_built_in, role_not_held, last_owner.';

INSERT INTO sft_core.routes (method, path, max_body, auth, roles, product, proc) VALUES
    ('GET',    '/v1/teams/{team}/groups',                              0, 'member', '{reporting_user,access_admin,access_user}', true, 'group_list'),
    ('POST',   '/v1/teams/{team}/groups',                           8192, 'member', '{access_admin}',                            true, 'group_create'),
    ('GET',    '/v1/teams/{team}/groups/{group}',                      0, 'member', '{reporting_user,access_admin,access_user}', true, 'group_show'),
    ('PUT',    '/v1/teams/{team}/groups/{group}',                   8192, 'member', '{access_admin}',                            true, 'group_update'),
    ('DELETE', '/v1/teams/{team}/groups/{group}',                      0, 'member', '{access_admin}',                            true, 'group_delete'),
    ('GET',    '/v1/teams/{team}/groups/{group}/users',                0, 'member', '{reporting_user,access_admin,access_user}', true, 'group_member_list'),
    ('POST',   '/v1/teams/{team}/groups/{group}/users',             8192, 'member', '{access_admin}',                            true, 'group_member_create'),
    ('DELETE', '/v1/teams/{team}/groups/{group}/users/{user}',         0, 'member', '{access_admin}',                            true, 'group_member_delete'),
    ('GET',    '/v1/teams/{team}/groups/{group}/users_not_in_group',   0, 'member', '{reporting_user,access_admin,access_user}', true, 'group_stranger_list');
