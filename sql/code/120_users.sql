-- SPDX-License-Identifier: PostgreSQL
-- 120_users.sql - people and services: their names on servers, their numbers, their status, their password.

CREATE FUNCTION sft_core.free_server_user_name(team_id uuid, name text) RETURNS text
LANGUAGE plpgsql STABLE AS $$
DECLARE
    stem text := left(regexp_replace(regexp_replace(lower(split_part(name, '@', 1)), '[^a-z0-9_-]', '_', 'g'),
        '^([^a-z_])', '_\1'), 27);
    candidate text := stem;
    n int := 1;
BEGIN
    WHILE EXISTS (SELECT FROM sft.users u WHERE u.team_id = free_server_user_name.team_id
        AND u.server_user_name = candidate) LOOP
        n := n + 1;
        candidate := stem || n;
    END LOOP;
    RETURN candidate;
END $$;
COMMENT ON FUNCTION sft_core.free_server_user_name(uuid, text) IS 'A user''s account name: the part before @ in lower case, other characters as _, and a number if another user has or had that.';

CREATE FUNCTION sft_core.user_create(by sft.actor, team_id uuid, name text, user_type text DEFAULT 'human',
                                     server_user_name text DEFAULT NULL, details jsonb DEFAULT '{}') RETURNS uuid
LANGUAGE plpgsql AS $$
DECLARE
    made    uuid;
    account text;
BEGIN
    PERFORM FROM sft.teams t WHERE t.id = user_create.team_id FOR NO KEY UPDATE;      -- numbers after names are given one at a time
    account := coalesce(server_user_name, sft_core.free_server_user_name(team_id, name::sft.user_name));
    INSERT INTO sft.users (team_id, name, user_type, server_user_name, first_name, last_name, full_name, email)
    VALUES (user_create.team_id, user_create.name, user_create.user_type, account,
            details->>'first_name', details->>'last_name', details->>'full_name', details->>'email')
    RETURNING id INTO made;
    PERFORM sft_core.note(by, team_id, 'user.create', jsonb_build_object('subject_id', made, 'user', user_create.name,
        'server_user_name', account));
    PERFORM sft_core.member_add(by, team_id, sft_core.group_id(team_id, 'everyone'), made);
    RETURN made;
END $$;
COMMENT ON FUNCTION sft_core.user_create(sft.actor, uuid, text, text, text, jsonb) IS 'Makes a user, in the group everyone. Refuses: user_name_format, user_name_taken, server_user_name_format, server_user_name_reserved, server_user_name_taken, user_type_unknown.';

CREATE FUNCTION sft_core.user_id(team_id uuid, name text) RETURNS uuid
LANGUAGE plpgsql STABLE AS $$
DECLARE
    found_id uuid;
BEGIN
    SELECT u.id INTO found_id FROM sft.users u
     WHERE u.team_id = user_id.team_id AND lower(u.name) = lower(user_id.name) AND u.status <> 'DELETED';
    IF found_id IS NULL THEN
        PERFORM sft_core.refuse(404, 'user_unknown', format('There is no user named %s.', left(user_id.name, 64)));
    END IF;
    RETURN found_id;
END $$;
COMMENT ON FUNCTION sft_core.user_id(uuid, text) IS 'The user of a name. Refuses: user_unknown.';

CREATE FUNCTION sft_core.free_unix_id(team_id uuid, start int, reserved_from int) RETURNS int
LANGUAGE plpgsql STABLE AS $$
DECLARE
    n int := start;
BEGIN
    LOOP
        IF n BETWEEN reserved_from AND 65535 THEN
            n := 65536;
        END IF;
        EXIT WHEN NOT EXISTS (SELECT FROM sft.unix_ids i WHERE i.team_id = free_unix_id.team_id AND i.unix_id = n);
        n := n + 1;
    END LOOP;
    RETURN n;
END $$;
COMMENT ON FUNCTION sft_core.free_unix_id(uuid, int, int) IS 'The first number from start that the team never gave, outside what operating systems use for themselves.';

CREATE FUNCTION sft_core.give_unix_ids(team_id uuid, project_id uuid) RETURNS void
LANGUAGE plpgsql AS $$
DECLARE
    project sft.projects; one uuid; n int;
BEGIN
    PERFORM FROM sft.teams t WHERE t.id = give_unix_ids.team_id FOR NO KEY UPDATE;
    SELECT p.* INTO STRICT project FROM sft.projects p WHERE p.team_id = give_unix_ids.team_id
        AND p.id = give_unix_ids.project_id FOR NO KEY UPDATE;
    FOR one IN SELECT DISTINCT u.id FROM sft.project_groups pg
                 JOIN sft.group_members m ON m.team_id = pg.team_id AND m.group_id = pg.group_id
                 JOIN sft.users u ON u.team_id = m.team_id AND u.id = m.user_id AND u.unix_uid IS NULL
                WHERE pg.team_id = give_unix_ids.team_id AND pg.project_id = give_unix_ids.project_id ORDER BY u.id LOOP
        n := sft_core.free_unix_id(team_id, project.next_unix_uid, 60514);
        INSERT INTO sft.unix_ids (team_id, unix_id, user_id) VALUES (give_unix_ids.team_id, n, one);
        UPDATE sft.users u SET unix_uid = n WHERE u.team_id = give_unix_ids.team_id AND u.id = one;
        project.next_unix_uid := n + 1;
    END LOOP;
    FOR one IN SELECT g.id FROM sft.project_groups pg
                 JOIN sft.groups g ON g.team_id = pg.team_id AND g.id = pg.group_id AND g.unix_gid IS NULL
                WHERE pg.team_id = give_unix_ids.team_id AND pg.project_id = give_unix_ids.project_id
                    AND pg.create_server_group ORDER BY g.id LOOP
        n := sft_core.free_unix_id(team_id, project.next_unix_gid, 65520);
        INSERT INTO sft.unix_ids (team_id, unix_id, group_id) VALUES (give_unix_ids.team_id, n, one);
        UPDATE sft.groups g SET unix_gid = n WHERE g.team_id = give_unix_ids.team_id AND g.id = one;
        project.next_unix_gid := n + 1;
    END LOOP;
    UPDATE sft.projects p SET next_unix_uid = project.next_unix_uid, next_unix_gid = project.next_unix_gid
     WHERE p.id = project.id AND p.team_id = project.team_id
       AND (p.next_unix_uid, p.next_unix_gid) IS DISTINCT FROM (project.next_unix_uid, project.next_unix_gid);
END $$;
COMMENT ON FUNCTION sft_core.give_unix_ids(uuid, uuid) IS 'Gives a uid to every user, and a gid to every group, who needs one on a project''s servers and has none.';

CREATE FUNCTION sft_core.sessions_end(by sft.actor, team_id uuid, user_id uuid,
    client_id uuid DEFAULT NULL) RETURNS void
LANGUAGE plpgsql AS $$
BEGIN
    UPDATE sft.client_sessions s SET ended_at = now(), ended_by = (by).name
     WHERE s.team_id = sessions_end.team_id AND s.ended_at IS NULL
       AND (s.user_id = sessions_end.user_id OR s.client_id = sessions_end.client_id);
END $$;
COMMENT ON FUNCTION sft_core.sessions_end(sft.actor, uuid, uuid, uuid) IS 'Signs out all clients of a user, or one client.';

CREATE FUNCTION sft_core.user_set_status(by sft.actor, team_id uuid, user_id uuid, status text) RETURNS void
LANGUAGE plpgsql AS $$
DECLARE
    projects uuid[];
    old      text;
BEGIN
    PERFORM sft_core.fence(team_id);
    SELECT u.status INTO old FROM sft.users u
     WHERE u.team_id = user_set_status.team_id AND u.id = user_set_status.user_id FOR NO KEY UPDATE;
    IF old IS NULL THEN
        PERFORM sft_core.refuse(404, 'user_unknown', 'There is no such user.');
    ELSIF old = 'DELETED' AND status <> 'DELETED' THEN
        PERFORM sft_core.refuse(409, 'user_deleted', 'This user was deleted; make another.');
    END IF;
    projects := sft_core.projects_of_user(team_id, user_id);
    UPDATE sft.users u SET status = user_set_status.status, deleted_at = CASE
        WHEN user_set_status.status = 'DELETED' THEN coalesce(u.deleted_at, now()) END
     WHERE u.team_id = user_set_status.team_id AND u.id = user_set_status.user_id;
    IF status <> 'ACTIVE' THEN
        PERFORM sft_core.sessions_end(by, team_id, user_id);
        PERFORM sft_core.revoke_live(team_id, 'user', user_id, 'user ' || lower(status));
    END IF;
    IF status = 'DELETED' THEN
        DELETE FROM sft.group_members m WHERE m.team_id = user_set_status.team_id
            AND m.user_id = user_set_status.user_id;
        UPDATE sft.clients c SET state = 'DELETED', deleted_at = now()
         WHERE c.team_id = user_set_status.team_id AND c.user_id = user_set_status.user_id AND c.state <> 'DELETED';
    END IF;
    PERFORM sft_core.touch_projects(team_id, VARIADIC projects);
    PERFORM sft_core.note(by, team_id, CASE status WHEN 'DELETED' THEN 'user.remove' ELSE 'user.update' END,
                          jsonb_build_object('subject_id', user_id, 'status', status, 'status_before', old));
END $$;
COMMENT ON FUNCTION sft_core.user_set_status(sft.actor, uuid, uuid, text) IS 'Activates, disables or deletes a user; certificates in use are revoked. Refuses: user_unknown, user_deleted, user_status_unknown.';

CREATE FUNCTION sft_core.user_set_password(by sft.actor, team_id uuid, user_id uuid, password bytea,
    must_change boolean) RETURNS void
LANGUAGE plpgsql AS $$
BEGIN
    UPDATE sft.users u SET password_hash = sftca.hash_password(password), password_must_change = must_change
     WHERE u.team_id = user_set_password.team_id AND u.id = user_set_password.user_id AND u.status <> 'DELETED';
    IF NOT FOUND THEN
        PERFORM sft_core.refuse(404, 'user_unknown', 'There is no such user.');
    END IF;
    PERFORM sft_core.note(by, team_id, CASE WHEN must_change THEN 'password.reset' ELSE 'password.change' END,
        jsonb_build_object('subject_id', user_id));
END $$;
COMMENT ON FUNCTION sft_core.user_set_password(sft.actor, uuid, uuid, bytea, boolean) IS 'Gives a user a password. Refuses: user_unknown.';
