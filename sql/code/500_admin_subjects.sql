-- SPDX-License-Identifier: PostgreSQL
-- 500_admin_subjects.sql - how a DBA names things: servers and clients by id or by what people call them.
-- Every function of sft_admin that changes something is a definer function: it names its subjects, calls sft_core as
-- dba:<session user>, and says a broken rule's sentence. These here are for them and granted to nobody.

CREATE FUNCTION sft_admin.server_id(team_id uuid, server text) RETURNS uuid
LANGUAGE plpgsql STABLE AS $$
DECLARE
    found_ids uuid[];
BEGIN
    SELECT array_agg(s.id) INTO found_ids FROM sft.servers s
     WHERE s.team_id = server_id.team_id AND s.deleted_at IS NULL
       AND (s.id::text = server OR s.hostname = lower(server)
            OR EXISTS (SELECT FROM sft.server_names n WHERE n.team_id = s.team_id AND n.server_id = s.id AND n.name = lower(server)));
    IF found_ids IS NULL THEN
        PERFORM sft_core.refuse(404, 'server_unknown', format('There is no server named %s.', left(server, 64)));
    ELSIF cardinality(found_ids) > 1 THEN
        PERFORM sft_core.refuse(409, 'server_ambiguous', format('Several servers are named %s: say which by its id, one of %s.', left(server, 64), array_to_string(found_ids, ', ')));
    END IF;
    RETURN found_ids[1];
END $$;
COMMENT ON FUNCTION sft_admin.server_id(uuid, text) IS 'The live server of an id, hostname or any other name. Refuses: server_unknown, server_ambiguous.';

CREATE FUNCTION sft_admin.client_of(client text) RETURNS sft.clients
LANGUAGE plpgsql STABLE AS $$
DECLARE
    found_clients sft.clients[];
BEGIN
    SELECT array_agg(c) INTO found_clients FROM sft.clients c
     WHERE c.state <> 'DELETED' AND (c.id::text = client OR replace(c.code, '-', '') = upper(replace(replace(client, '-', ''), ' ', '')));
    IF found_clients IS NULL THEN
        PERFORM sft_core.refuse(404, 'client_unknown', format('There is no client with the id or code %s.', left(client, 64)));
    ELSIF cardinality(found_clients) > 1 THEN
        PERFORM sft_core.refuse(409, 'client_ambiguous', 'Several clients have this code: say which by its id.');
    END IF;
    RETURN found_clients[1];
END $$;
COMMENT ON FUNCTION sft_admin.client_of(text) IS 'The client of an id or of the code that people compare. Refuses: client_unknown, client_ambiguous.';

CREATE FUNCTION sft_admin.subject_id(team_id uuid, subject_kind text, subject text) RETURNS uuid
LANGUAGE plpgsql STABLE AS $$
DECLARE
    found_client sft.clients;
BEGIN
    CASE subject_kind
    WHEN 'user' THEN RETURN sft_core.user_id(team_id, subject);
    WHEN 'project' THEN RETURN sft_core.project_id(team_id, subject);
    WHEN 'server' THEN RETURN sft_admin.server_id(team_id, subject);
    WHEN 'team' THEN RETURN team_id;
    WHEN 'client' THEN
        found_client := sft_admin.client_of(subject);
        IF found_client.team_id <> team_id THEN
            PERFORM sft_core.refuse(404, 'client_unknown', format('There is no client with the id or code %s.', left(subject, 64)));
        END IF;
        RETURN found_client.id;
    ELSE
        PERFORM sft_core.refuse(400, 'lock_subject_kind_unknown', sft_core.sentence_of('lock_subject_kind_unknown'));
    END CASE;
    RETURN NULL;
END $$;
COMMENT ON FUNCTION sft_admin.subject_id(uuid, text, text) IS 'What a lock is on: kind user, client, server, project or team, and its name. Refuses: <kind>_unknown, lock_subject_kind_unknown.';

CREATE FUNCTION sft_admin.refuse(state text, rule text, message text) RETURNS void
LANGUAGE plpgsql AS $$
BEGIN
    IF state = '23502' THEN
        PERFORM sft_core.refuse(400, 'value_missing', 'A value that has to be there is missing.');
    END IF;
    PERFORM sft_core.refuse(sft_core.status_of(state, rule), coalesce(nullif(rule, ''), 'internal'), coalesce(sft_core.sentence_of(rule), message));
END $$;
COMMENT ON FUNCTION sft_admin.refuse(text, text, text) IS 'Says a broken rule as the API does: SQLSTATE SF and the HTTP status, the rule''s name, its sentence. A missing value is value_missing.';
