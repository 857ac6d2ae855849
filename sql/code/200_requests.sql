-- SPDX-License-Identifier: PostgreSQL
-- 200_requests.sql - from the bytes that a caller wrote to a request: headers, path values, query, body.

CREATE FUNCTION sft_core.header(headers text, name text) RETURNS text
LANGUAGE sql IMMUTABLE
RETURN nullif(split_part(split_part(E'\n' || headers, E'\n' || name || ': ', 2), E'\n', 1), '');
COMMENT ON FUNCTION sft_core.header(text, text) IS 'The value of a header, null where it is absent or empty. Plain string work: it is on the hot path.';

CREATE FUNCTION sft_core.percent_decode(value text) RETURNS text
LANGUAGE plpgsql IMMUTABLE AS $$
BEGIN
    IF value !~ '[%+]' THEN
        RETURN value;
    END IF;
    RETURN convert_from(coalesce((
        SELECT string_agg(CASE WHEN m[1] = '+' THEN ' '::bytea WHEN m[1] ~ '^%..$' THEN decode(substr(m[1], 2), 'hex')
                               ELSE convert_to(m[1], 'UTF8') END, ''::bytea)
          FROM regexp_matches(value, '%[0-9a-fA-F]{2}|[+]|[^%+]+|%', 'g') m), ''), 'UTF8');
END $$;
COMMENT ON FUNCTION sft_core.percent_decode(text) IS 'A value of a query, decoded once. Raises where that is not UTF-8 or has a NUL.';

CREATE FUNCTION sft_core.parse_query(target text, product boolean DEFAULT false) RETURNS jsonb
LANGUAGE plpgsql IMMUTABLE AS $$
DECLARE
    raw text := CASE WHEN position('?' IN target) > 0 THEN substr(target, position('?' IN target) + 1) ELSE '' END;
    pair text; name text; result jsonb := '{}';
BEGIN
    IF raw = '' THEN
        RETURN result;
    END IF;
    IF raw ~ '%(?![0-9a-fA-F]{2})' OR cardinality(string_to_array(raw, '&')) > 32 THEN
        PERFORM sft_core.refuse(400, 'query_malformed', 'The query has a bad escape or too many values.');
    END IF;
    FOREACH pair IN ARRAY string_to_array(raw, '&') LOOP
        name := sft_core.percent_decode(split_part(pair, '=', 1));
        IF result ? name AND NOT product THEN
            PERFORM sft_core.refuse(400, 'query_duplicate', 'A value stands twice in the query.');
        END IF;
        result := result || jsonb_build_object(name, coalesce(result->>name || ',', '') || sft_core.percent_decode(CASE
            WHEN position('=' IN pair) > 0 THEN substr(pair, position('=' IN pair) + 1) ELSE '' END));
    END LOOP;
    RETURN result;
EXCEPTION WHEN character_not_in_repertoire OR untranslatable_character THEN
    PERFORM sft_core.refuse(400, 'query_malformed', 'The query is not UTF-8, or has a NUL.');
END $$;
COMMENT ON FUNCTION sft_core.parse_query(text, boolean) IS 'The values of a query; of the product''s endpoints a repeated one is a list with commas. Refuses: query_malformed, query_duplicate.';

CREATE FUNCTION sft_core.check_headers(headers text, product boolean DEFAULT false) RETURNS void
LANGUAGE plpgsql IMMUTABLE AS $$
DECLARE
    agent text := sft_core.header(headers, 'user-agent');
    kind  text := sft_core.header(headers, 'content-type');
BEGIN
    IF agent NOT LIKE '%(wire 1)%' AND agent ~ '\(wire [0-9]+\)' THEN
        PERFORM sft_core.refuse(426, 'wire_unknown', 'This platform speaks wire 1.', '{"wire": [1]}');
    END IF;
    IF NOT product AND kind <> 'application/json' AND kind !~* '^application/json[ ]*(;[ ]*charset="?utf-8"?[ ]*)?$' THEN
        PERFORM sft_core.refuse(415, 'content_type_unsupported', 'The body has to be application/json.');
    END IF;
END $$;
COMMENT ON FUNCTION sft_core.check_headers(text, boolean) IS 'What the product''s clients call a body does not matter. Refuses: wire_unknown, content_type_unsupported.';

-- The signature covers method and target; route and params are only the gateway's reading of them, so they must say the same.
CREATE FUNCTION sft_core.check_path(route text, params text[], method text, target text) RETURNS void
LANGUAGE plpgsql IMMUTABLE AS $$
DECLARE
    path text := split_part(target, '?', 1);
    said text := '';
    left_over text := route;
    param text;
BEGIN
    FOREACH param IN ARRAY params LOOP
        said := said || split_part(left_over, '{', 1) || param;
        left_over := substr(left_over, position('}' IN left_over) + 1);
    END LOOP;
    IF method || ' ' || path = said || left_over AND position('%' IN path) = 0 THEN
        RETURN;                                              -- nearly always
    END IF;
    BEGIN
        path := CASE WHEN path ~* '%2f' THEN NULL
            ELSE sft_core.percent_decode(replace(regexp_replace(path, '(.)/$', '\1'), '+', '%2B')) END;
    EXCEPTION WHEN character_not_in_repertoire OR untranslatable_character THEN
        path := NULL;
    END;
    IF (method || ' ' || path = said || left_over) IS NOT TRUE THEN
        PERFORM sft_core.refuse(400, 'path_mismatch', 'The path does not lead where the gateway says.');
    END IF;
END $$;
COMMENT ON FUNCTION sft_core.check_path(text, text[], text, text) IS 'Whether route and parameters are what method and target say: a gateway taken over may not point a signed request elsewhere, nor have one thing stated under the name of another. Refuses: path_mismatch.';

CREATE FUNCTION sft_core.parse_request(route text, params bytea, method text, target bytea, headers bytea, body bytea,
    peer text, trace_id text, product boolean DEFAULT false) RETURNS sft.request
LANGUAGE plpgsql STABLE AS $$
DECLARE
    req sft.request;
BEGIN
    BEGIN
        req.headers := convert_from(headers, 'UTF8');
        req.params := string_to_array(convert_from(params, 'UTF8'), '/');
    EXCEPTION WHEN character_not_in_repertoire OR untranslatable_character THEN
        PERFORM sft_core.refuse(400, 'request_encoding', 'The path or a header is not UTF-8.');
    END;
    PERFORM sft_core.check_path(route, req.params, method, encode(target, 'escape'));
    PERFORM sft_core.check_headers(req.headers, product);
    req.route := route; req.method := method; req.target := target; req.raw_body := body;
    req.trace_id := trace_id; req.peer := sft_core.peer_of(peer);
    req.query := sft_core.parse_query(encode(target, 'escape'), product);
    req.body := CASE WHEN length(body) > 0 THEN sft_core.parse_body(body, product) ELSE '{}' END;
    req.signature := sft_core.header(req.headers, 'signature');
    RETURN req;
END $$;
COMMENT ON FUNCTION sft_core.parse_request(text, bytea, text, bytea, bytea, bytea, text, text, boolean) IS 'The request that a caller''s bytes are. Writes nothing. Refuses: request_encoding, path_mismatch, wire_unknown, content_type_unsupported, query_…, body_…, field_duplicate.';

CREATE FUNCTION sft_core.peer_of(peer text) RETURNS inet
LANGUAGE plpgsql IMMUTABLE AS $$
BEGIN
    RETURN CASE WHEN peer ~ '^[0-9a-fA-F:.]{2,45}$' THEN peer::inet END;
EXCEPTION WHEN invalid_text_representation THEN
    RETURN NULL;
END $$;
COMMENT ON FUNCTION sft_core.peer_of(text) IS 'The caller''s address as the gateway reports it; null where it is none (a local socket).';
