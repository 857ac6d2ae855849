-- SPDX-License-Identifier: PostgreSQL
-- 010_refusals.sql - how the platform says no: the one place for statuses, types and the body of an error.

CREATE FUNCTION sft_core.refuse(status int, error text, message text, extra jsonb DEFAULT NULL) RETURNS void
LANGUAGE plpgsql AS $$
BEGIN
    RAISE EXCEPTION USING ERRCODE = 'SF' || status, CONSTRAINT = error, MESSAGE = message,
        DETAIL = coalesce(extra::text, '');
END $$;
COMMENT ON FUNCTION sft_core.refuse(int, text, text, jsonb) IS 'Refuses the request: HTTP status, code word, sentence, and further fields for the body.';

CREATE FUNCTION sft_core.type_of(status int) RETURNS text
LANGUAGE sql IMMUTABLE
RETURN CASE status WHEN 400 THEN 'invalid_request' WHEN 401 THEN 'authentication_error' WHEN 403 THEN 'forbidden_error'
    WHEN 404 THEN 'resource_does_not_exist' WHEN 405 THEN 'method_not_allowed' WHEN 409 THEN 'resource_already_exists'
    WHEN 413 THEN 'invalid_request' WHEN 415 THEN 'unsupported_content_type' WHEN 426 THEN 'client_too_old'
    WHEN 429 THEN 'too_many_requests' WHEN 503 THEN 'service_offline' WHEN 504 THEN 'gateway_timeout'
        ELSE 'unknown_error' END;
COMMENT ON FUNCTION sft_core.type_of(int) IS 'The product''s error type of a status.';

CREATE FUNCTION sft_core.status_of(state text, error text) RETURNS int
LANGUAGE sql IMMUTABLE
RETURN CASE WHEN state ~ '^SF[1-5][0-9][0-9]$' THEN substr(state, 3)::int
    WHEN state LIKE '22%' AND error <> '' THEN 400
    WHEN state IN ('23505', '23P01') AND error <> '' THEN 409
    WHEN state = '23503' AND error <> '' THEN 404
    WHEN state = '23514' AND error <> '' THEN 400
    WHEN state LIKE '54%' THEN 413
    ELSE 500 END;
COMMENT ON FUNCTION sft_core.status_of(text, text) IS 'The HTTP status of a caught error, from its SQLSTATE and the constraint that it names. What is nobody''s refusal is our fault: 500.';

CREATE FUNCTION sft_core.sentence_of(error text) RETURNS text
LANGUAGE sql STABLE
RETURN coalesce(
    (SELECT obj_description(c.oid, 'pg_constraint') FROM pg_constraint c WHERE c.conname = error
        AND c.connamespace = 'sft'::regnamespace LIMIT 1),
    (SELECT obj_description(c.oid, 'pg_class') FROM pg_class c WHERE c.relname = error
        AND c.relnamespace = 'sft'::regnamespace));
COMMENT ON FUNCTION sft_core.sentence_of(text) IS 'What people read when a constraint says no: the comment on it.';

CREATE FUNCTION sft_core.reply(status int, body jsonb DEFAULT NULL, headers text DEFAULT '') RETURNS sft.response
LANGUAGE sql IMMUTABLE
RETURN (status, CASE WHEN body IS NULL THEN headers ELSE headers || E'content-type: application/json\n' END,
        coalesce(convert_to(body::text, 'UTF8'), ''::bytea), NULL, NULL, NULL)::sft.response;
COMMENT ON FUNCTION sft_core.reply(int, jsonb, text) IS 'An answer with a JSON body, or with none.';

CREATE FUNCTION sft_core.refusal(status int, error text, message text, trace_id text,
    extra jsonb DEFAULT NULL) RETURNS sft.response
LANGUAGE sql IMMUTABLE
RETURN (status, E'content-type: application/json\n',
        convert_to((jsonb_build_object('code', status, 'type', sft_core.type_of(status), 'error', error, 'message',
            message,
                                       'trace_id', trace_id) || coalesce(extra, '{}'))::text, 'UTF8'),
        NULL, NULL, error)::sft.response;
COMMENT ON FUNCTION sft_core.refusal(int, text, text, text, jsonb) IS 'The answer that refuses, with the error body of docs/wire.md.';

CREATE FUNCTION sft_core.refusal_of(state text, error text, message text, detail text,
    trace_id text) RETURNS sft.response
LANGUAGE plpgsql AS $$
DECLARE
    status int := sft_core.status_of(state, error);
BEGIN
    IF status = 500 THEN
        RAISE LOG 'sft: % % (%): %', state, message, error, detail USING DETAIL = 'trace_id ' || coalesce(trace_id, '');
        RETURN sft_core.refusal(500, 'internal', 'Something is wrong on our side.', trace_id);
    END IF;
    IF state LIKE '23%' THEN
        message := coalesce(sft_core.sentence_of(error), 'This breaks the rule ' || error || '.');
    ELSIF status = 413 THEN
        error := 'request_too_complex'; message := 'This request is too complex.';
    END IF;
    RETURN sft_core.refusal(status, error, message, trace_id, CASE WHEN state LIKE 'SF%' THEN nullif(detail,
        '')::jsonb END);
END $$;
COMMENT ON FUNCTION sft_core.refusal_of(text, text, text, text, text) IS 'The answer for a caught error. What is our fault is logged and shows nothing.';
