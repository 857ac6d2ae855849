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
    WHILE sft_core.unix_name_taken(team_id, candidate) LOOP
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
    PERFORM sft_core.unix_name_give(team_id, account, user_id => made);
    PERFORM sft_core.note(by, team_id, 'user.create', jsonb_build_object('subject_id', made, 'user', user_create.name,
        'server_user_name', account));
    PERFORM sft_core.member_add(by, team_id, sft_core.group_id(team_id, 'everyone'), made);
    RETURN made;
END $$;
COMMENT ON FUNCTION sft_core.user_create(sft.actor, uuid, text, text, text, jsonb) IS 'Makes a user, in the group everyone. Refuses: user_name_format, user_name_taken, server_user_name_format, server_user_name_reserved, server_user_name_taken, unix_name_taken, user_type_unknown.';

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
    PERFORM sft_core.need_rank(by, team_id, user_id);
    IF (by).user_id = user_set_status.user_id AND status IS DISTINCT FROM old THEN
        PERFORM sft_core.refuse(403, 'own_status', 'Nobody changes the own status: ask another administrator.');
    END IF;
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
        IF 'owners' = ANY (sft_core.roles_of(team_id, user_id)) THEN
            PERFORM sft_core.need_owner_left(team_id);
        END IF;
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
COMMENT ON FUNCTION sft_core.user_set_status(sft.actor, uuid, uuid, text) IS 'Activates, disables or deletes a user; certificates in use are revoked. Refuses: user_unknown, user_deleted, user_status_unknown, own_status, role_not_held, last_owner.';

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

CREATE FUNCTION sft_core.user_json(u sft.users) RETURNS jsonb
LANGUAGE sql STABLE
RETURN jsonb_build_object('id', (u).id, 'name', (u).name, 'status', (u).status, 'user_type', (u).user_type,
    'details', CASE WHEN num_nonnulls((u).first_name, (u).last_name, (u).full_name, (u).email) > 0 THEN jsonb_build_object('first_name', (u).first_name,
        'last_name', (u).last_name, 'full_name', (u).full_name, 'email', (u).email) END,
    'role_grants', NULL, 'oauth_client_application_id', NULL, 'deleted_at', sft_core.json_time((u).deleted_at),
    'team_name', (SELECT t.name FROM sft.teams t WHERE t.id = (u).team_id),
    'server_user_name', CASE WHEN (u).user_type = 'human' THEN (u).server_user_name END);
COMMENT ON FUNCTION sft_core.user_json(sft.users) IS 'A user as answers show it. A service user has no account on servers that anybody asks for.';

CREATE FUNCTION sft_core.statuses_of(query jsonb) RETURNS text[]
LANGUAGE plpgsql IMMUTABLE AS $$
DECLARE
    wanted text[] := string_to_array(upper(sft_core.query_text(query, 'status')), ',');
BEGIN
    IF NOT wanted <@ ARRAY['ACTIVE', 'DISABLED', 'DELETED'] THEN
        PERFORM sft_core.wrong('status', 'is ACTIVE, DISABLED or DELETED');
    END IF;
    RETURN coalesce(wanted, ARRAY['ACTIVE', 'DISABLED']);
END $$;
COMMENT ON FUNCTION sft_core.statuses_of(jsonb) IS 'The statuses that a query asks for; all but DELETED where it does not say. Refuses: status_format.';

CREATE FUNCTION sft_core.user_page(req sft.request, user_type text, in_group uuid DEFAULT NULL, not_in_group uuid DEFAULT NULL) RETURNS sft.response
LANGUAGE plpgsql STABLE AS $$
DECLARE
    team     uuid := ((req).actor).team_id;
    statuses text[] := sft_core.statuses_of((req).query);
    page     sft_core.page;
BEGIN
    page := sft_core.page_of(req, ARRAY(
        SELECT (lower(u.name), u.id)::sft_core.entry FROM sft.users u
         WHERE u.team_id = team AND u.status = ANY (statuses) AND (user_page.user_type IS NULL OR u.user_type = user_page.user_type)
           AND sft_core.name_matches((req).query, u.name)
           AND (sft_core.query_text((req).query, 'id') IS NULL OR u.id::text = ANY (string_to_array((req).query->>'id', ',')))
           AND (in_group IS NULL OR EXISTS (SELECT FROM sft.group_members m WHERE m.team_id = team AND m.group_id = in_group AND m.user_id = u.id))
           AND (not_in_group IS NULL OR NOT EXISTS (SELECT FROM sft.group_members m WHERE m.team_id = team AND m.group_id = not_in_group AND m.user_id = u.id))));
    RETURN sft_core.page_reply(page, ARRAY(SELECT l.item FROM unnest(page.ids::uuid[]) WITH ORDINALITY i (id, o)
        CROSS JOIN LATERAL (SELECT sft_core.user_json(u) AS item FROM sft.users u WHERE u.team_id = team AND u.id = i.id OFFSET 0) l ORDER BY i.o));
END $$;
COMMENT ON FUNCTION sft_core.user_page(sft.request, text, uuid, uuid) IS 'The users of the team, by name: of a type (null: any), in a group, or not in one. Filters: contains, starts_with, status, id. Refuses: status_format.';

CREATE FUNCTION sft_core.user_in_path(req sft.request, user_type text DEFAULT NULL) RETURNS sft.users
LANGUAGE plpgsql STABLE AS $$
DECLARE
    found_user sft.users;
BEGIN
    SELECT u.* INTO found_user FROM sft.users u WHERE u.team_id = ((req).actor).team_id AND lower(u.name) = lower((req).params[2])
        AND (user_in_path.user_type IS NULL OR u.user_type = user_in_path.user_type);
    IF NOT FOUND THEN
        PERFORM sft_core.refuse(404, 'user_unknown', format('There is no user named %s.', left((req).params[2], 64)));
    END IF;
    RETURN found_user;
END $$;
COMMENT ON FUNCTION sft_core.user_in_path(sft.request, text) IS 'The user that the path names, a deleted one too: its name is never another''s. Refuses: user_unknown.';

CREATE FUNCTION sft_core.user_set_details(by sft.actor, who sft.users, details jsonb) RETURNS void
LANGUAGE plpgsql AS $$
BEGIN
    UPDATE sft.users u SET
        first_name = CASE WHEN details ? 'first_name' THEN sft_core.maybe_text(details, 'first_name') ELSE u.first_name END,
        last_name = CASE WHEN details ? 'last_name' THEN sft_core.maybe_text(details, 'last_name') ELSE u.last_name END,
        full_name = CASE WHEN details ? 'full_name' THEN sft_core.maybe_text(details, 'full_name') ELSE u.full_name END,
        email = CASE WHEN details ? 'email' THEN sft_core.maybe_text(details, 'email') ELSE u.email END
     WHERE u.team_id = who.team_id AND u.id = who.id;
    PERFORM sft_core.note(by, who.team_id, 'user.update', jsonb_build_object('subject_id', who.id, 'details', details));
END $$;
COMMENT ON FUNCTION sft_core.user_set_details(sft.actor, sft.users, jsonb) IS 'Changes what is known of a person: first_name, last_name, full_name, email, those that are given. Refuses: <field>_format.';

-- The body is a whole User; its name and type stay what they are.
CREATE FUNCTION sft_core.user_put(req sft.request, who sft.users) RETURNS sft.response
LANGUAGE plpgsql AS $$
DECLARE
    status  text := upper(sft_core.maybe_text((req).body, 'status'));
    details jsonb := sft_core.maybe_object((req).body, 'details');
BEGIN
    IF status NOT IN ('ACTIVE', 'DISABLED', 'DELETED') THEN
        PERFORM sft_core.wrong('status', 'is ACTIVE, DISABLED or DELETED');
    END IF;
    IF status <> who.status THEN
        PERFORM sft_core.user_set_status((req).actor, who.team_id, who.id, status);
    END IF;
    IF details IS NOT NULL AND (details - ARRAY['first_name', 'last_name', 'full_name', 'email'] <> details) THEN
        PERFORM sft_core.need_rank((req).actor, who.team_id, who.id);
        PERFORM sft_core.user_set_details((req).actor, who, jsonb_strip_nulls(jsonb_build_object('first_name', details->'first_name',
            'last_name', details->'last_name', 'full_name', details->'full_name', 'email', details->'email')));
    END IF;
    RETURN sft_core.reply(200, (SELECT sft_core.user_json(u) FROM sft.users u WHERE u.team_id = who.team_id AND u.id = who.id));
END $$;
COMMENT ON FUNCTION sft_core.user_put(sft.request, sft.users) IS 'Changes status and details of a user as a request says. Refuses: status_format, details_format, user_deleted, own_status, role_not_held, last_owner.';

CREATE FUNCTION sft_api.user_list(req sft.request) RETURNS sft.response
LANGUAGE plpgsql STABLE AS $$
BEGIN
    RETURN sft_core.user_page(req, CASE WHEN NOT sft_core.query_flag(req.query, 'include_service_users') THEN 'human' END);
END $$;
COMMENT ON FUNCTION sft_api.user_list(sft.request) IS 'The people of the team; services too with include_service_users. Refuses: include_service_users_format, status_format, count_format, offset_format.';

CREATE FUNCTION sft_api.user_create(req sft.request) RETURNS sft.response
LANGUAGE plpgsql AS $$
DECLARE
    team    sft.teams;
    wanted  text := sft_core.need_text(req.body, 'name', 127);
    account text := sft_core.maybe_text(req.body, 'server_user_name');
    known   sft.users;
    made    uuid;
BEGIN
    PERFORM sft_core.only_fields(req.body, 'name', 'details', 'server_user_name', 'user_type', 'status');
    IF coalesce(sft_core.maybe_text(req.body, 'user_type'), 'human') <> 'human' THEN
        PERFORM sft_core.wrong('user_type', 'is human: service users have calls of their own');
    ELSIF coalesce(sft_core.maybe_text(req.body, 'status'), 'ACTIVE') <> 'ACTIVE' THEN
        PERFORM sft_core.wrong('status', 'is ACTIVE: a new user is');
    END IF;
    SELECT t.* INTO STRICT team FROM sft.teams t WHERE t.id = (req.actor).team_id;
    SELECT u.* INTO known FROM sft.users u WHERE u.team_id = team.id AND lower(u.name) = lower(wanted);
    IF known.status = 'DISABLED' AND known.user_type = 'human' AND team.reactivate_users_via_idp THEN
        PERFORM sft_core.user_set_status(req.actor, team.id, known.id, 'ACTIVE');
        RETURN sft_core.reply(200, (SELECT sft_core.user_json(u) FROM sft.users u WHERE u.team_id = team.id AND u.id = known.id));
    ELSIF account IS NULL AND team.user_provisioning_exact_username THEN
        account := wanted;
    END IF;
    made := sft_core.user_create(req.actor, team.id, wanted, 'human', account);
    IF sft_core.maybe_object(req.body, 'details') IS NOT NULL THEN
        SELECT u.* INTO known FROM sft.users u WHERE u.team_id = team.id AND u.id = made;
        PERFORM sft_core.user_set_details(req.actor, known, req.body->'details');
    END IF;
    RETURN sft_core.reply(201, (SELECT sft_core.user_json(u) FROM sft.users u WHERE u.team_id = team.id AND u.id = made));
END $$;
COMMENT ON FUNCTION sft_api.user_create(sft.request) IS 'Makes a person, as an identity provider would. With reactivate_users_via_idp one that is disabled is active again; with user_provisioning_exact_username the account has the very name. Refuses: name_missing, user_name_format, user_name_taken, server_user_name_format, server_user_name_reserved, server_user_name_taken, unix_name_taken, details_format, user_type_format, status_format, field_unknown.';

CREATE FUNCTION sft_api.user_show(req sft.request) RETURNS sft.response
LANGUAGE plpgsql STABLE AS $$
BEGIN
    RETURN sft_core.reply(200, sft_core.user_json(sft_core.user_in_path(req)));
END $$;
COMMENT ON FUNCTION sft_api.user_show(sft.request) IS 'A user; a deleted one says so. Refuses: user_unknown.';

CREATE FUNCTION sft_api.user_update(req sft.request) RETURNS sft.response
LANGUAGE plpgsql AS $$
BEGIN
    RETURN sft_core.user_put(req, sft_core.user_in_path(req));
END $$;
COMMENT ON FUNCTION sft_api.user_update(sft.request) IS 'Activates, disables or deletes a user, or changes the details. Refuses: user_unknown, status_format, details_format, user_deleted, own_status, role_not_held, last_owner.';

CREATE FUNCTION sft_api.user_group_list(req sft.request) RETURNS sft.response
LANGUAGE plpgsql STABLE AS $$
BEGIN
    RETURN sft_core.group_page(req, of_user => (sft_core.user_in_path(req)).id);
END $$;
COMMENT ON FUNCTION sft_api.user_group_list(sft.request) IS 'The groups of a user. Refuses: user_unknown, count_format, offset_format.';

CREATE FUNCTION sft_api.user_by_id_show(req sft.request) RETURNS sft.response
LANGUAGE plpgsql STABLE AS $$
DECLARE
    found_user sft.users;
BEGIN
    SELECT u.* INTO found_user FROM sft.users u WHERE u.team_id = (req.actor).team_id AND u.id::text = req.params[2];
    IF NOT FOUND THEN
        PERFORM sft_core.refuse(404, 'user_unknown', 'There is no user with this id.');
    END IF;
    RETURN sft_core.reply(200, sft_core.user_json(found_user));
END $$;
COMMENT ON FUNCTION sft_api.user_by_id_show(sft.request) IS 'A user by id. Refuses: user_unknown.';

CREATE FUNCTION sft_api.current_user_show(req sft.request) RETURNS sft.response
LANGUAGE plpgsql STABLE AS $$
BEGIN
    RETURN sft_core.reply(200, (SELECT sft_core.user_json(u) || jsonb_build_object('roles', to_jsonb(sft_core.roles_of(u.team_id, u.id)))
        FROM sft.users u WHERE u.team_id = (req.actor).team_id AND u.id = (req.actor).user_id));
END $$;
COMMENT ON FUNCTION sft_api.current_user_show(sft.request) IS 'Who calls, with the roles.';

INSERT INTO sft_core.routes (method, path, max_body, auth, roles, product, proc) VALUES
    ('GET',  '/v1/teams/{team}/users',               0, 'member', '{access_user,access_admin,reporting_user}', true,  'user_list'),
    ('POST', '/v1/teams/{team}/users',            8192, 'member', '{access_admin}',                            false, 'user_create'),
    ('GET',  '/v1/teams/{team}/users/{user}',        0, 'member', '{access_user,access_admin,reporting_user}', true,  'user_show'),
    ('PUT',  '/v1/teams/{team}/users/{user}',     8192, 'member', '{access_admin}',                            true,  'user_update'),
    ('GET',  '/v1/teams/{team}/users/{user}/groups', 0, 'member', '{access_user,access_admin,reporting_user}', true,  'user_group_list'),
    ('GET',  '/v1/teams/{team}/users_by_id/{id}',    0, 'member', '{access_user,access_admin,reporting_user}', true,  'user_by_id_show'),
    ('GET',  '/v1/teams/{team}/current_user',        0, 'member', '{everyone}',                                true,  'current_user_show');
