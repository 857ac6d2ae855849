-- SPDX-License-Identifier: PostgreSQL
-- 020_fields.sql - reading what callers wrote: bodies, and fields of a known type. Every error names the field and the rule.

CREATE FUNCTION sft_core.parse_body(raw bytea, product boolean DEFAULT false) RETURNS jsonb
LANGUAGE plpgsql AS $$
DECLARE
    body text; parsed jsonb; plain text;
BEGIN
    BEGIN
        body := convert_from(raw, 'UTF8');
    EXCEPTION WHEN character_not_in_repertoire OR untranslatable_character OR invalid_parameter_value THEN
        PERFORM sft_core.refuse(400, 'body_encoding', 'The body is not UTF-8.');
    END;
    -- deep, or with numbers that are short here and 131,072 digits wherever they are read as text (1e131071)
    IF length(body) - length(translate(body, '[{', '')) > 8 OR body ~ '[0-9][eE][+-]?[0-9]{3}' THEN
        plain := regexp_replace(body, '"(\\.|[^"\\])*"', '', 'g');
        IF plain ~ '[0-9][eE][+-]?[0-9]{3}' THEN
            PERFORM sft_core.refuse(400, 'number_too_large',
                'A number in the body has an exponent of more than two digits.');
        END IF;
        FOR i IN 1..8 LOOP
            plain := regexp_replace(plain, '[\[{][^\[\]{}]*[\]}]', '', 'g');
        END LOOP;
        IF plain ~ '[\[{]' THEN
            PERFORM sft_core.refuse(400, 'body_too_deep', 'The body is nested deeper than 8 levels, or is not JSON.');
        END IF;
    END IF;
    BEGIN
        parsed := body::jsonb;
    EXCEPTION WHEN data_exception OR syntax_error OR statement_too_complex THEN
        IF product THEN
            PERFORM sft_core.refuse(415, 'content_type_unsupported', 'The body is not JSON.');
        END IF;
        PERFORM sft_core.refuse(400, 'body_malformed',
            'The body is not JSON, or has a character that cannot be stored.');
    END;
    IF jsonb_typeof(parsed) IS DISTINCT FROM 'object' THEN
        IF product THEN
            PERFORM sft_core.refuse(415, 'content_type_unsupported', 'The body is not a JSON object.');
        END IF;
        PERFORM sft_core.refuse(400, 'body_not_object', 'The body is not a JSON object.');
    END IF;
    IF (SELECT count(*) FROM json_object_keys(body::json)) <> (SELECT count(*) FROM jsonb_object_keys(parsed)) THEN
        PERFORM sft_core.refuse(400, 'field_duplicate', 'A field stands twice in the body.');
    END IF;
    RETURN parsed;
END $$;
COMMENT ON FUNCTION sft_core.parse_body(bytea, boolean) IS 'The JSON object that a body is. Refuses: body_encoding, content_type_unsupported (as the product says it), body_too_deep, number_too_large, body_malformed, body_not_object, field_duplicate.';

CREATE FUNCTION sft_core.only_fields(body jsonb, VARIADIC known text[]) RETURNS void
LANGUAGE plpgsql IMMUTABLE AS $$
DECLARE
    field text;
BEGIN
    IF body - known = '{}' THEN
        RETURN;
    END IF;
    SELECT k INTO field FROM jsonb_object_keys(body) k WHERE k <> ALL (known) ORDER BY k LIMIT 1;
    PERFORM sft_core.refuse(400, 'field_unknown', format('There is no field %s in this request.',
        to_json(left(field, 64))));
END $$;
COMMENT ON FUNCTION sft_core.only_fields(jsonb, text[]) IS 'Refuses fields that a request does not have: field_unknown.';

CREATE FUNCTION sft_core.wrong(field text, rule text) RETURNS void
LANGUAGE plpgsql AS $$
BEGIN
    PERFORM sft_core.refuse(400, replace(field, '.', '_') || '_format', format('The field %s %s.', field, rule));
END $$;
COMMENT ON FUNCTION sft_core.wrong(text, text) IS 'Refuses a field: <field>_format, with the rule in words.';

CREATE FUNCTION sft_core.maybe_text(body jsonb, field text, longest int DEFAULT 255) RETURNS text
LANGUAGE plpgsql IMMUTABLE AS $$
DECLARE
    value text := body->>field;
BEGIN
    IF value IS NULL THEN
        RETURN NULL;
    END IF;
    IF jsonb_typeof(body->field) <> 'string' OR length(value) > longest OR value ~ '[[:cntrl:]]' THEN
        PERFORM sft_core.wrong(field, format('is one line of text of at most %s characters', longest));
    END IF;
    RETURN value;
END $$;
COMMENT ON FUNCTION sft_core.maybe_text(jsonb, text, int) IS 'A line of text, or null where it is absent or null. Refuses: <field>_format.';

CREATE FUNCTION sft_core.need_text(body jsonb, field text, longest int DEFAULT 255) RETURNS text
LANGUAGE plpgsql IMMUTABLE AS $$
DECLARE
    value text := sft_core.maybe_text(body, field, longest);
BEGIN
    IF value IS NULL OR value = '' THEN
        PERFORM sft_core.refuse(400, replace(field, '.', '_') || '_missing', format('The field %s is missing.', field));
    END IF;
    RETURN value;
END $$;
COMMENT ON FUNCTION sft_core.need_text(jsonb, text, int) IS 'A line of text that must be there. Refuses: <field>_missing, <field>_format.';

CREATE FUNCTION sft_core.is_uuid(value text) RETURNS boolean
LANGUAGE sql IMMUTABLE
RETURN value ~ '^[0-9a-f]{8}-[0-9a-f]{4}-[0-9a-f]{4}-[0-9a-f]{4}-[0-9a-f]{12}$';
COMMENT ON FUNCTION sft_core.is_uuid(text) IS 'Whether a text is a uuid in the one form that we accept.';

CREATE FUNCTION sft_core.need_uuid(body jsonb, field text) RETURNS uuid
LANGUAGE plpgsql IMMUTABLE AS $$
DECLARE
    value text := sft_core.need_text(body, field);
BEGIN
    IF NOT sft_core.is_uuid(value) THEN
        PERFORM sft_core.wrong(field, 'is a uuid in lower case');
    END IF;
    RETURN value::uuid;
END $$;
COMMENT ON FUNCTION sft_core.need_uuid(jsonb, text) IS 'A uuid that must be there. Refuses: <field>_missing, <field>_format.';

CREATE FUNCTION sft_core.maybe_bigint(body jsonb, field text, lowest bigint, highest bigint) RETURNS bigint
LANGUAGE plpgsql IMMUTABLE AS $$
DECLARE
    value text := body->>field;
BEGIN
    IF value IS NULL THEN
        RETURN NULL;
    END IF;
    IF jsonb_typeof(body->field) <> 'number' OR value !~ '^(0|-?[1-9][0-9]{0,17})$'
        OR value::bigint NOT BETWEEN lowest AND highest THEN
        PERFORM sft_core.wrong(field, format('is a whole number from %s to %s', lowest, highest));
    END IF;
    RETURN value::bigint;
END $$;
COMMENT ON FUNCTION sft_core.maybe_bigint(jsonb, text, bigint, bigint) IS 'A whole number in a range, or null where it is absent or null. Refuses: <field>_format.';

CREATE FUNCTION sft_core.need_bigint(body jsonb, field text, lowest bigint, highest bigint) RETURNS bigint
LANGUAGE plpgsql IMMUTABLE AS $$
DECLARE
    value bigint := sft_core.maybe_bigint(body, field, lowest, highest);
BEGIN
    IF value IS NULL THEN
        PERFORM sft_core.refuse(400, replace(field, '.', '_') || '_missing', format('The field %s is missing.', field));
    END IF;
    RETURN value;
END $$;
COMMENT ON FUNCTION sft_core.need_bigint(jsonb, text, bigint, bigint) IS 'A whole number that must be there. Refuses: <field>_missing, <field>_format.';

CREATE FUNCTION sft_core.maybe_bool(body jsonb, field text) RETURNS boolean
LANGUAGE plpgsql IMMUTABLE AS $$
BEGIN
    IF body->>field IS NULL THEN
        RETURN NULL;
    END IF;
    IF jsonb_typeof(body->field) <> 'boolean' THEN
        PERFORM sft_core.wrong(field, 'is true or false');
    END IF;
    RETURN (body->>field)::boolean;
END $$;
COMMENT ON FUNCTION sft_core.maybe_bool(jsonb, text) IS 'A truth value, or null where it is absent or null. Refuses: <field>_format.';

CREATE FUNCTION sft_core.maybe_object(body jsonb, field text) RETURNS jsonb
LANGUAGE plpgsql IMMUTABLE AS $$
BEGIN
    IF body->>field IS NULL THEN
        RETURN NULL;
    END IF;
    IF jsonb_typeof(body->field) <> 'object' THEN
        PERFORM sft_core.wrong(field, 'is an object');
    END IF;
    RETURN body->field;
END $$;
COMMENT ON FUNCTION sft_core.maybe_object(jsonb, text) IS 'An object, or null where it is absent or null. Refuses: <field>_format.';

CREATE FUNCTION sft_core.need_object(body jsonb, field text) RETURNS jsonb
LANGUAGE plpgsql IMMUTABLE AS $$
DECLARE
    value jsonb := sft_core.maybe_object(body, field);
BEGIN
    IF value IS NULL THEN
        PERFORM sft_core.refuse(400, field || '_missing', format('The field %s is missing.', field));
    END IF;
    RETURN value;
END $$;
COMMENT ON FUNCTION sft_core.need_object(jsonb, text) IS 'An object that must be there. Refuses: <field>_missing, <field>_format.';

CREATE FUNCTION sft_core.maybe_list(body jsonb, field text, most int) RETURNS jsonb
LANGUAGE plpgsql IMMUTABLE AS $$
BEGIN
    IF body->>field IS NULL THEN
        RETURN '[]';
    END IF;
    IF jsonb_typeof(body->field) <> 'array' OR jsonb_array_length(body->field) > most THEN
        PERFORM sft_core.wrong(field, format('is a list of at most %s', most));
    END IF;
    RETURN body->field;
END $$;
COMMENT ON FUNCTION sft_core.maybe_list(jsonb, text, int) IS 'A list of bounded length, empty where it is absent or null. Refuses: <field>_format.';

CREATE FUNCTION sft_core.maybe_texts(body jsonb, field text, most int, longest int DEFAULT 255) RETURNS text[]
LANGUAGE plpgsql IMMUTABLE AS $$
DECLARE
    item jsonb; result text[] := '{}';
BEGIN
    FOR item IN SELECT value FROM jsonb_array_elements(sft_core.maybe_list(body, field, most)) LOOP
        IF jsonb_typeof(item) <> 'string' OR length(item #>> '{}') > longest OR item #>> '{}' ~ '[[:cntrl:]]' THEN
            PERFORM sft_core.wrong(field, format('is a list of lines of at most %s characters', longest));
        END IF;
        result := result || (item #>> '{}');
    END LOOP;
    RETURN result;
END $$;
COMMENT ON FUNCTION sft_core.maybe_texts(jsonb, text, int, int) IS 'A list of lines, empty where it is absent or null. Refuses: <field>_format.';

CREATE FUNCTION sft_core.json_time(at timestamptz) RETURNS text
LANGUAGE sql STABLE
RETURN to_char(at AT TIME ZONE 'UTC', 'YYYY-MM-DD"T"HH24:MI:SS"Z"');
COMMENT ON FUNCTION sft_core.json_time(timestamptz) IS 'A time as answers write it: RFC 3339, UTC, Z.';

CREATE FUNCTION sft_core.maybe_time(body jsonb, field text) RETURNS timestamptz
LANGUAGE plpgsql STABLE AS $$
DECLARE
    value text := sft_core.maybe_text(body, field, 64);
BEGIN
    IF value = '' OR value LIKE '0001-01-01T00:00:00%' THEN  -- how clients written in Go say that there is none
        RETURN NULL;
    ELSIF value IS NOT NULL AND value !~ '^\d{4}-\d\d-\d\dT\d\d:\d\d:\d\d([.]\d{1,9})?(Z|[+-]\d\d:\d\d)$' THEN
        PERFORM sft_core.wrong(field, 'is a time as in 2026-01-31T12:00:00Z');
    END IF;
    RETURN value::timestamptz;
EXCEPTION WHEN datetime_field_overflow OR invalid_datetime_format OR invalid_time_zone_displacement_value THEN
    PERFORM sft_core.wrong(field, 'is a time as in 2026-01-31T12:00:00Z');
END $$;
COMMENT ON FUNCTION sft_core.maybe_time(jsonb, text) IS 'A time of RFC 3339, or null where it is absent, null, empty or the zero time. Refuses: <field>_format.';

CREATE FUNCTION sft_core.uuid_of(value text) RETURNS uuid
LANGUAGE sql IMMUTABLE
RETURN CASE WHEN sft_core.is_uuid(value) THEN value::uuid END;
COMMENT ON FUNCTION sft_core.uuid_of(text) IS 'The uuid that a text is, or null.';
