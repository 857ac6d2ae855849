-- SPDX-License-Identifier: PostgreSQL
-- 225_client_calls.sql - devices over HTTP: lists, approving, giving away and removing them; policies by which a fleet enrolls.

CREATE FUNCTION sft_core.client_item(c sft.clients) RETURNS jsonb
LANGUAGE sql STABLE
RETURN jsonb_build_object('id', (c).id, 'user_name', (SELECT u.name FROM sft.users u WHERE u.team_id = (c).team_id AND u.id = (c).user_id), 'hostname', (c).hostname,
    'os', (c).os, 'description', (c).description, 'encrypted', (c).encrypted, 'state', (c).state, 'deleted_at', sft_core.json_time((c).deleted_at),
    'claimed_user_name', (c).claimed_name, 'code', concat_ws('-', substr((c).code, 1, 4), substr((c).code, 5, 4), substr((c).code, 9, 4), substr((c).code, 13, 4)),
    'enrolled_at', sft_core.json_time((c).enrolled_at), 'approved_at', sft_core.json_time((c).approved_at), 'approved_by', (c).approved_by,
    'client_enrollment_policy_id', (c).client_enrollment_policy_id);
COMMENT ON FUNCTION sft_core.client_item(sft.clients) IS 'A device as lists show it.';

CREATE FUNCTION sft_api.client_list(req sft.request) RETURNS sft.response
LANGUAGE plpgsql STABLE AS $$
DECLARE
    who   sft.actor := req.actor;
    q     jsonb := req.query;
    whole boolean := sft_core.sees_all(req.actor) AND (sft_core.query_flag(req.query, 'all') OR req.query ? 'username');
    wanted_state text := sft_core.query_one_of(req.query, 'state', 'ACTIVE', 'PENDING', 'DELETED');
    page  sft_core.page;
BEGIN
    page := sft_core.page_of(req, ARRAY(
        SELECT (lower(c.hostname), c.id)::sft_core.entry
          FROM sft.clients c LEFT JOIN sft.users u ON u.team_id = c.team_id AND u.id = c.user_id
         WHERE c.team_id = who.team_id AND (whole OR c.user_id = who.user_id) AND sft_core.name_matches(q, c.hostname)
           AND CASE WHEN wanted_state IS NULL THEN c.state <> 'DELETED' ELSE c.state = wanted_state END
           AND (NOT q ? 'username' OR lower(coalesce(u.name, '')) = lower(q->>'username'))));
    RETURN sft_core.page_reply(page, ARRAY(
        SELECT l.item FROM unnest(page.ids::uuid[]) WITH ORDINALITY i (id, o)
         CROSS JOIN LATERAL (SELECT sft_core.client_item(c) AS item FROM sft.clients c WHERE c.team_id = who.team_id AND c.id = i.id OFFSET 0) l ORDER BY i.o));
END $$;
COMMENT ON FUNCTION sft_api.client_list(sft.request) IS 'Devices by hostname: the caller''s, or for admins and reporters with all or username the team''s; username empty: those that nobody has. Refuses: state_format, all_format, count_format, offset_format.';

CREATE FUNCTION sft_core.client_seen(by sft.actor, id text) RETURNS sft.clients
LANGUAGE plpgsql STABLE AS $$
DECLARE
    c sft.clients;
BEGIN
    SELECT x.* INTO c FROM sft.clients x WHERE x.team_id = (by).team_id AND x.id = sft_core.uuid_of(client_seen.id)
        AND (x.user_id = (by).user_id OR sft_core.sees_all(by));
    IF NOT FOUND THEN
        PERFORM sft_core.refuse(404, 'client_unknown', 'There is no such client.');
    END IF;
    RETURN c;
END $$;
COMMENT ON FUNCTION sft_core.client_seen(sft.actor, text) IS 'A device of the caller, or any for admins and reporters. Refuses: client_unknown.';

CREATE FUNCTION sft_api.client_show(req sft.request) RETURNS sft.response
LANGUAGE plpgsql STABLE AS $$
BEGIN
    RETURN sft_core.reply(200, sft_core.client_item(sft_core.client_seen(req.actor, req.params[2])));
END $$;
COMMENT ON FUNCTION sft_api.client_show(sft.request) IS 'A device; a removed one as well. Refuses: client_unknown.';

CREATE FUNCTION sft_core.client_suspend(by sft.actor, c sft.clients) RETURNS void
LANGUAGE plpgsql AS $$
BEGIN
    PERFORM sft_core.need_rank(by, c.team_id, c.user_id);
    PERFORM sft_core.fence(c.team_id);
    UPDATE sft.clients x SET state = 'PENDING', approved_at = NULL, approved_by = NULL WHERE x.team_id = c.team_id AND x.id = c.id AND x.state = 'ACTIVE';
    PERFORM sft_core.sessions_end(by, c.team_id, NULL, c.id);
    IF sft_core.revoke_live(c.team_id, 'client', c.id, 'client suspended') > 0 THEN
        PERFORM sft_core.touch_projects(c.team_id, VARIADIC sft_core.projects_of_user(c.team_id, c.user_id));
    END IF;
    PERFORM sft_core.note(by, c.team_id, 'client.state.update', jsonb_build_object('subject_client_id', c.id, 'subject_id', c.user_id, 'state', 'PENDING', 'state_before', c.state));
END $$;
COMMENT ON FUNCTION sft_core.client_suspend(sft.actor, sft.clients) IS 'Takes a device''s approval back: it is signed out and its certificates are revoked. Refuses: role_not_held.';

CREATE FUNCTION sft_core.client_let_in(by sft.actor, c sft.clients, whose uuid) RETURNS void
LANGUAGE plpgsql AS $$
BEGIN
    IF whose IS NULL THEN
        PERFORM sft_core.refuse(400, 'user_name_missing', 'This client has no user: say whose it is.');
    END IF;
    PERFORM sft_core.refuse_strict(by);
    PERFORM sft_core.need_rank(by, c.team_id, whose);
    PERFORM sft_core.client_activate(by, c.team_id, c.id, whose, (by).name);
END $$;
COMMENT ON FUNCTION sft_core.client_let_in(sft.actor, sft.clients, uuid) IS 'Approves a waiting device for a user. Refuses: user_name_missing, strict_devices, role_not_held, client_unknown.';

CREATE FUNCTION sft_core.client_assign(by sft.actor, c sft.clients, whose uuid) RETURNS void
LANGUAGE plpgsql AS $$
BEGIN
    IF c.state <> 'PENDING' THEN
        PERFORM sft_core.refuse(409, 'client_assigned', 'This client belongs to a user; remove it and enroll it anew.');
    END IF;
    PERFORM sft_core.refuse_strict(by);
    PERFORM sft_core.need_rank(by, c.team_id, whose);
    UPDATE sft.clients x SET user_id = whose WHERE x.team_id = c.team_id AND x.id = c.id AND x.state = 'PENDING';
    PERFORM sft_core.note(by, c.team_id, 'client.assign', jsonb_build_object('subject_client_id', c.id, 'subject_id', whose));
END $$;
COMMENT ON FUNCTION sft_core.client_assign(sft.actor, sft.clients, uuid) IS 'Gives a waiting device to a user, or back to nobody. Refuses: client_assigned, strict_devices, role_not_held.';

CREATE FUNCTION sft_core.client_update(by sft.actor, team_id uuid, client_id uuid, b jsonb) RETURNS void
LANGUAGE plpgsql AS $$
DECLARE
    c      sft.clients; whose uuid; at_once boolean;
    wanted text := nullif(sft_core.maybe_text(b, 'state', 16), '');
    named  text := sft_core.maybe_text(b, 'user_name', 127);
BEGIN
    SELECT x.* INTO c FROM sft.clients x WHERE x.team_id = client_update.team_id AND x.id = client_update.client_id AND x.state <> 'DELETED' FOR NO KEY UPDATE;
    IF NOT FOUND THEN
        PERFORM sft_core.refuse(404, 'client_unknown', 'There is no such client.');
    ELSIF wanted <> ALL ('{ACTIVE,PENDING,DELETED}') THEN
        PERFORM sft_core.wrong('state', 'is ACTIVE, PENDING or DELETED');
    END IF;
    whose := CASE WHEN coalesce(named, '') = '' THEN c.user_id ELSE sft_core.user_id(team_id, named) END;
    at_once := whose IS NOT NULL AND coalesce(
        (SELECT NOT p.requires_approval FROM sft.client_enrollment_policies p WHERE p.team_id = c.team_id AND p.id = c.client_enrollment_policy_id),
        (SELECT t.approve_device_without_interaction FROM sft.teams t WHERE t.id = c.team_id));
    IF wanted = 'DELETED' THEN
        PERFORM sft_core.need_rank(by, team_id, c.user_id);
        PERFORM sft_core.client_remove(by, team_id, client_id);
    ELSIF whose IS DISTINCT FROM c.user_id AND c.state <> 'PENDING' THEN
        PERFORM sft_core.client_assign(by, c, whose);
    ELSIF c.state = 'PENDING' AND (wanted = 'ACTIVE' OR wanted IS NULL AND at_once) THEN
        PERFORM sft_core.client_let_in(by, c, coalesce(whose, (SELECT u.id FROM sft.users u WHERE u.team_id = c.team_id AND lower(u.name) = lower(c.claimed_name) AND u.status = 'ACTIVE')));
    ELSIF c.state = 'PENDING' AND whose IS DISTINCT FROM c.user_id THEN
        PERFORM sft_core.client_assign(by, c, whose);
    ELSIF c.state = 'ACTIVE' AND wanted = 'PENDING' THEN
        PERFORM sft_core.client_suspend(by, c);
    END IF;
END $$;
COMMENT ON FUNCTION sft_core.client_update(sft.actor, uuid, uuid, jsonb) IS 'Gives a device to a user, approves it, takes the approval back or removes it. Where its policy wants no approval, or there is none and the team''s approve_device_without_interaction is set, giving it to a user approves it. Refuses: client_unknown, state_format, user_name_format, user_unknown, user_name_missing, client_assigned, strict_devices, role_not_held.';

CREATE FUNCTION sft_api.client_update(req sft.request) RETURNS sft.response
LANGUAGE plpgsql AS $$
BEGIN
    PERFORM sft_core.client_update(req.actor, (req.actor).team_id, (sft_core.client_seen(req.actor, req.params[2])).id, req.body);
    RETURN sft_core.reply(204);
END $$;
COMMENT ON FUNCTION sft_api.client_update(sft.request) IS 'Approves a device, gives it to a user, takes the approval back or removes it: state and user_name. Refuses: client_unknown, state_format, user_unknown, user_name_missing, client_assigned, strict_devices, role_not_held.';

-- Policies by which a fleet enrolls -------------------------------------------------------------
CREATE FUNCTION sft_core.policy_use(self sft.actor, team_id uuid, presented jsonb, public_key text) RETURNS void
LANGUAGE plpgsql AS $$
DECLARE
    policy sft.client_enrollment_policies;
BEGIN
    PERFORM sft_core.only_fields(presented, 'id', 'mac');
    SELECT p.* INTO policy FROM sft.client_enrollment_policies p WHERE p.team_id = policy_use.team_id AND p.token_id = sft_core.need_uuid(presented, 'id')
        AND p.deleted_at IS NULL FOR SHARE;
    IF NOT FOUND OR NOT coalesce(sftca.verify_mac('client_enrollment_policy', policy.token_id, (self).client_id, policy_use.public_key,
        coalesce(sft_core.maybe_text(presented, 'mac', 64), '')), false) THEN
        PERFORM sft_core.refuse(401, 'policy_invalid', 'This token is unknown, was replaced or withdrawn, or is not yours.');
    END IF;
    UPDATE sft.clients c SET client_enrollment_policy_id = policy.id, claimed_name = NULL WHERE c.team_id = policy.team_id AND c.id = (self).client_id;
    PERFORM sft_core.note(self, policy.team_id, 'unbound_client.enroll', jsonb_build_object('client_enrollment_policy_id', policy.id, 'policy', policy.name));
END $$;
COMMENT ON FUNCTION sft_core.policy_use(sft.actor, uuid, jsonb, text) IS 'A device enrolls with the token of a policy and belongs to nobody yet. Refuses: policy_invalid.';

CREATE FUNCTION sft_core.client_enrollment_policy_json(p sft.client_enrollment_policies) RETURNS jsonb
LANGUAGE sql STABLE
RETURN jsonb_build_object('id', (p).id, 'name', (p).name, 'description', (p).description, 'type', 'token', 'requires_approval', (p).requires_approval,
    'token_id', (p).token_id, 'created_by', (p).created_by, 'created_at', sft_core.json_time((p).created_at), 'rotated_at', sft_core.json_time((p).rotated_at));
COMMENT ON FUNCTION sft_core.client_enrollment_policy_json(sft.client_enrollment_policies) IS 'A policy as answers show it, without its token.';

CREATE FUNCTION sft_core.client_enrollment_policy_of(by sft.actor, id text) RETURNS sft.client_enrollment_policies
LANGUAGE plpgsql STABLE AS $$
DECLARE
    p sft.client_enrollment_policies;
BEGIN
    SELECT x.* INTO p FROM sft.client_enrollment_policies x WHERE x.team_id = (by).team_id AND x.id = sft_core.uuid_of(client_enrollment_policy_of.id) AND x.deleted_at IS NULL;
    IF NOT FOUND THEN
        PERFORM sft_core.refuse(404, 'client_enrollment_policy_unknown', 'There is no such policy.');
    END IF;
    RETURN p;
END $$;
COMMENT ON FUNCTION sft_core.client_enrollment_policy_of(sft.actor, text) IS 'A policy of the team. Refuses: client_enrollment_policy_unknown.';

CREATE FUNCTION sft_api.client_enrollment_policy_list(req sft.request) RETURNS sft.response
LANGUAGE plpgsql STABLE AS $$
DECLARE
    who  sft.actor := req.actor;
    page sft_core.page;
BEGIN
    page := sft_core.page_of(req, ARRAY(
        SELECT (lower(p.name), p.id)::sft_core.entry FROM sft.client_enrollment_policies p WHERE p.team_id = who.team_id AND p.deleted_at IS NULL AND sft_core.name_matches(req.query, p.name)));
    RETURN sft_core.page_reply(page, ARRAY(
        SELECT l.item FROM unnest(page.ids::uuid[]) WITH ORDINALITY i (id, o)
         CROSS JOIN LATERAL (SELECT sft_core.client_enrollment_policy_json(p) AS item FROM sft.client_enrollment_policies p WHERE p.team_id = who.team_id AND p.id = i.id OFFSET 0) l ORDER BY i.o));
END $$;
COMMENT ON FUNCTION sft_api.client_enrollment_policy_list(sft.request) IS 'The team''s policies for fleets by name. Refuses: count_format, offset_format.';

CREATE FUNCTION sft_core.client_enrollment_policy_token(p sft.client_enrollment_policies) RETURNS jsonb
LANGUAGE sql STABLE
RETURN sft_core.client_enrollment_policy_json(p) || jsonb_build_object('token', sft_core.token_text('client_enrollment_policy', (p).token_id, (p).team_id));
COMMENT ON FUNCTION sft_core.client_enrollment_policy_token(sft.client_enrollment_policies) IS 'A policy with its token, as it is shown once.';

CREATE FUNCTION sft_core.client_enrollment_policy_create(by sft.actor, team_id uuid, name text, description text, requires_approval boolean) RETURNS sft.client_enrollment_policies
LANGUAGE plpgsql AS $$
DECLARE
    p sft.client_enrollment_policies;
BEGIN
    INSERT INTO sft.client_enrollment_policies AS x (team_id, name, description, requires_approval, token_id, created_by)
    VALUES (client_enrollment_policy_create.team_id, client_enrollment_policy_create.name, client_enrollment_policy_create.description,
        client_enrollment_policy_create.requires_approval, gen_random_uuid(), (by).name) RETURNING x.* INTO p;
    PERFORM sft_core.note(by, p.team_id, 'client_enrollment_policies.create', sft_core.client_enrollment_policy_json(p));
    RETURN p;
END $$;
COMMENT ON FUNCTION sft_core.client_enrollment_policy_create(sft.actor, uuid, text, text, boolean) IS 'Makes a policy with a token. Refuses: client_enrollment_policy_name_format, client_enrollment_policy_name_taken, line_format.';

CREATE FUNCTION sft_api.client_enrollment_policy_create(req sft.request) RETURNS sft.response
LANGUAGE plpgsql AS $$
BEGIN
    PERFORM sft_core.only_fields(req.body, 'name', 'description', 'requires_approval');
    RETURN sft_core.reply(201, sft_core.client_enrollment_policy_token(sft_core.client_enrollment_policy_create(req.actor, (req.actor).team_id,
        sft_core.need_text(req.body, 'name'), coalesce(sft_core.maybe_text(req.body, 'description'), ''), coalesce(sft_core.maybe_bool(req.body, 'requires_approval'), true))));
END $$;
COMMENT ON FUNCTION sft_api.client_enrollment_policy_create(sft.request) IS 'Makes a policy with a token for sft fleet enroll, shown now and never again. Refuses: name_missing, client_enrollment_policy_name_format, client_enrollment_policy_name_taken, <field>_format, instance_unset.';

CREATE FUNCTION sft_api.client_enrollment_policy_show(req sft.request) RETURNS sft.response
LANGUAGE plpgsql STABLE AS $$
BEGIN
    RETURN sft_core.reply(200, sft_core.client_enrollment_policy_json(sft_core.client_enrollment_policy_of(req.actor, req.params[2])));
END $$;
COMMENT ON FUNCTION sft_api.client_enrollment_policy_show(sft.request) IS 'A policy for fleets. Refuses: client_enrollment_policy_unknown.';

CREATE FUNCTION sft_api.client_enrollment_policy_update(req sft.request) RETURNS sft.response
LANGUAGE plpgsql AS $$
DECLARE
    p sft.client_enrollment_policies := sft_core.client_enrollment_policy_of(req.actor, req.params[2]);
BEGIN
    PERFORM sft_core.only_fields(req.body, 'name', 'description', 'requires_approval');
    UPDATE sft.client_enrollment_policies x SET name = coalesce(nullif(sft_core.maybe_text(req.body, 'name'), ''), x.name),
           description = coalesce(sft_core.maybe_text(req.body, 'description'), x.description),
           requires_approval = coalesce(sft_core.maybe_bool(req.body, 'requires_approval'), x.requires_approval)
     WHERE x.team_id = p.team_id AND x.id = p.id RETURNING x.* INTO p;
    PERFORM sft_core.note(req.actor, p.team_id, 'client_enrollment_policies.update', sft_core.client_enrollment_policy_json(p));
    RETURN sft_core.reply(204);
END $$;
COMMENT ON FUNCTION sft_api.client_enrollment_policy_update(sft.request) IS 'Changes a policy for fleets. Refuses: client_enrollment_policy_unknown, client_enrollment_policy_name_format, client_enrollment_policy_name_taken, <field>_format.';

CREATE FUNCTION sft_core.client_enrollment_policy_turn(by sft.actor, p sft.client_enrollment_policies, token_id uuid, gone boolean, type text) RETURNS sft.client_enrollment_policies
LANGUAGE plpgsql AS $$
BEGIN
    UPDATE sft.client_enrollment_policies x SET token_id = client_enrollment_policy_turn.token_id, rotated_at = now(), deleted_at = CASE WHEN gone THEN now() END
     WHERE x.team_id = p.team_id AND x.id = p.id AND x.deleted_at IS NULL RETURNING x.* INTO p;
    IF NOT FOUND THEN
        PERFORM sft_core.refuse(404, 'client_enrollment_policy_unknown', 'There is no such policy.');
    END IF;
    PERFORM sft_core.note(by, p.team_id, client_enrollment_policy_turn.type, sft_core.client_enrollment_policy_json(p));
    RETURN p;
END $$;
COMMENT ON FUNCTION sft_core.client_enrollment_policy_turn(sft.actor, sft.client_enrollment_policies, uuid, boolean, text) IS 'Replaces or withdraws the token of a policy, or ends the policy; the old token is void at once. Refuses: client_enrollment_policy_unknown.';

CREATE FUNCTION sft_api.client_enrollment_policy_token_create(req sft.request) RETURNS sft.response
LANGUAGE plpgsql AS $$
BEGIN
    RETURN sft_core.reply(200, sft_core.client_enrollment_policy_token(sft_core.client_enrollment_policy_turn(req.actor,
        sft_core.client_enrollment_policy_of(req.actor, req.params[2]), gen_random_uuid(), false, 'client_enrollment_policy_token.rotate')));
END $$;
COMMENT ON FUNCTION sft_api.client_enrollment_policy_token_create(sft.request) IS 'A new token for a policy, shown now and never again; the old one is void. Refuses: client_enrollment_policy_unknown.';

CREATE FUNCTION sft_api.client_enrollment_policy_token_delete(req sft.request) RETURNS sft.response
LANGUAGE plpgsql AS $$
BEGIN
    PERFORM sft_core.client_enrollment_policy_turn(req.actor, sft_core.client_enrollment_policy_of(req.actor, req.params[2]), NULL, false, 'client_enrollment_policy_token.delete');
    RETURN sft_core.reply(204);
END $$;
COMMENT ON FUNCTION sft_api.client_enrollment_policy_token_delete(sft.request) IS 'Withdraws the token of a policy; devices that enrolled stay. Refuses: client_enrollment_policy_unknown.';

CREATE FUNCTION sft_api.client_enrollment_policy_delete(req sft.request) RETURNS sft.response
LANGUAGE plpgsql AS $$
BEGIN
    PERFORM sft_core.client_enrollment_policy_turn(req.actor, sft_core.client_enrollment_policy_of(req.actor, req.params[2]), NULL, true, 'client_enrollment_policies.delete');
    RETURN sft_core.reply(204);
END $$;
COMMENT ON FUNCTION sft_api.client_enrollment_policy_delete(sft.request) IS 'Ends a policy and its token; devices that enrolled stay. Refuses: client_enrollment_policy_unknown.';

INSERT INTO sft_core.routes (method, path, max_body, auth, roles, product, proc) VALUES
    ('GET',    '/v1/teams/{team}/clients',             0, 'member', '{access_user,access_admin,reporting_user}', true, 'client_list'),
    ('GET',    '/v1/teams/{team}/clients/{id}',        0, 'member', '{access_user,access_admin,reporting_user}', true, 'client_show'),
    ('PUT',    '/v1/teams/{team}/clients/{id}',     4096, 'member', '{access_admin}', true, 'client_update'),
    ('GET',    '/v1/teams/{team}/client_enrollment_policies',            0, 'member', '{access_admin}', false, 'client_enrollment_policy_list'),
    ('POST',   '/v1/teams/{team}/client_enrollment_policies',         4096, 'member', '{access_admin}', false, 'client_enrollment_policy_create'),
    ('GET',    '/v1/teams/{team}/client_enrollment_policies/{id}',       0, 'member', '{access_admin}', false, 'client_enrollment_policy_show'),
    ('PUT',    '/v1/teams/{team}/client_enrollment_policies/{id}',    4096, 'member', '{access_admin}', false, 'client_enrollment_policy_update'),
    ('DELETE', '/v1/teams/{team}/client_enrollment_policies/{id}',       0, 'member', '{access_admin}', false, 'client_enrollment_policy_delete'),
    ('POST',   '/v1/teams/{team}/client_enrollment_policies/{id}/token', 0, 'member', '{access_admin}', false, 'client_enrollment_policy_token_create'),
    ('DELETE', '/v1/teams/{team}/client_enrollment_policies/{id}/token', 0, 'member', '{access_admin}', false, 'client_enrollment_policy_token_delete');
