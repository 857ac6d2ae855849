-- SPDX-License-Identifier: PostgreSQL
-- 040_selectors.sql - selectors of servers by their labels, as Kubernetes writes them: env=prod,tier in (web,db),!retired.
-- Parsed strictly once, when stored; kept as a jsonpath over sft.servers.label_values, which PostgreSQL runs without a function call.

CREATE TYPE sft_core.requirement AS (key text, op text, wanted text[]);
COMMENT ON TYPE sft_core.requirement IS 'One part of a selector. op: in, notin, exists, absent; = and != are in and notin with one value.';

CREATE TYPE sft_core.token AS (word text, place int);
COMMENT ON TYPE sft_core.token IS 'A word of a selector and the place where it starts, from 1.';

CREATE FUNCTION sft_core.selector_wrong(field text, place int, wanted text) RETURNS void
LANGUAGE plpgsql IMMUTABLE AS $$
BEGIN
    PERFORM sft_core.refuse(400, field || '_format', format('The field %s is not a selector: at position %s there should be %s.',
        field, place, wanted), jsonb_build_object('position', place));
END $$;
COMMENT ON FUNCTION sft_core.selector_wrong(text, int, text) IS 'Refuses a selector: <field>_format, with the position.';

CREATE FUNCTION sft_core.selector_tokens(field text, selector text) RETURNS sft_core.token[]
LANGUAGE plpgsql IMMUTABLE AS $$
DECLARE
    place int := 1; found_word text; result sft_core.token[] := '{}';
BEGIN
    IF length(selector) > 1000 THEN
        PERFORM sft_core.wrong(field, 'is a selector of at most 1000 characters');
    END IF;
    WHILE place <= length(selector) LOOP
        found_word := substring(substr(selector, place) FROM '^(==|!=|[=!,()]|[A-Za-z0-9._/:@+-]+| +)');
        IF found_word IS NULL THEN
            PERFORM sft_core.selector_wrong(field, place, 'a name, a value or one of = == != ! , ( )');
        END IF;
        IF found_word !~ '^ ' THEN
            result := result || (found_word, place)::sft_core.token;
        END IF;
        place := place + length(found_word);
    END LOOP;
    RETURN result || ('', place)::sft_core.token;
END $$;
COMMENT ON FUNCTION sft_core.selector_tokens(text, text) IS 'The words of a selector; the last is empty. Refuses: <field>_format.';

CREATE FUNCTION sft_core.selector_set(field text, tokens sft_core.token[], at int) RETURNS text[]
LANGUAGE plpgsql IMMUTABLE AS $$
DECLARE
    result text[] := '{}';
BEGIN
    IF tokens[at].word <> '(' THEN
        PERFORM sft_core.selector_wrong(field, tokens[at].place, 'an opening parenthesis');
    END IF;
    LOOP
        at := at + 1;
        IF tokens[at].word !~ '^[A-Za-z0-9._/:@+-]+$' THEN
            PERFORM sft_core.selector_wrong(field, tokens[at].place, 'a value');
        END IF;
        result := result || tokens[at].word;
        at := at + 1;
        EXIT WHEN tokens[at].word = ')';
        IF tokens[at].word <> ',' THEN
            PERFORM sft_core.selector_wrong(field, tokens[at].place, 'a comma or a closing parenthesis');
        END IF;
    END LOOP;
    RETURN result;
END $$;
COMMENT ON FUNCTION sft_core.selector_set(text, sft_core.token[], int) IS 'The values in parentheses that start at a word. Refuses: <field>_format.';

CREATE FUNCTION sft_core.selector_part(field text, tokens sft_core.token[], INOUT at int, OUT part sft_core.requirement)
LANGUAGE plpgsql IMMUTABLE AS $$
DECLARE
    negated boolean := tokens[at].word = '!';
    follows text;
BEGIN
    at := at + negated::int;
    part.key := tokens[at].word;
    IF part.key !~ '^[A-Za-z0-9._/-]{1,127}$' THEN
        PERFORM sft_core.selector_wrong(field, tokens[at].place, 'the name of a label');
    END IF;
    follows := tokens[at + 1].word;
    IF negated OR follows IN (',', '') THEN
        part.op := CASE WHEN negated THEN 'absent' ELSE 'exists' END;
        at := at + 1;
    ELSIF follows IN ('=', '==', '!=') THEN
        part.op := CASE follows WHEN '!=' THEN 'notin' ELSE 'in' END;
        part.wanted := ARRAY[CASE WHEN tokens[at + 2].word IN (',', '') THEN '' ELSE tokens[at + 2].word END];
        at := at + 2 + (tokens[at + 2].word NOT IN (',', ''))::int;
        IF part.wanted[1] !~ '^[A-Za-z0-9._/:@+-]*$' THEN
            PERFORM sft_core.selector_wrong(field, tokens[at - 1].place, 'a value');
        END IF;
    ELSIF follows IN ('in', 'notin') THEN
        part.op := follows;
        part.wanted := sft_core.selector_set(field, tokens, at + 2);
        at := at + 3 + 2 * cardinality(part.wanted);
    ELSE
        PERFORM sft_core.selector_wrong(field, tokens[at + 1].place, 'one of = == != in notin, a comma or the end');
    END IF;
END $$;
COMMENT ON FUNCTION sft_core.selector_part(text, sft_core.token[], int) IS 'The requirement that starts at a word, and the number of the word after it. Refuses: <field>_format.';

CREATE FUNCTION sft_core.selector_parse(field text, selector text) RETURNS sft_core.requirement[]
LANGUAGE plpgsql IMMUTABLE AS $$
DECLARE
    tokens sft_core.token[] := sft_core.selector_tokens(field, coalesce(selector, ''));
    result sft_core.requirement[] := '{}';
    at     int := 1;
    one    record;
BEGIN
    IF tokens[1].word = '' THEN
        RETURN result;
    END IF;
    LOOP
        one := sft_core.selector_part(field, tokens, at);
        result := result || one.part;
        at := one.at;
        EXIT WHEN tokens[at].word = '';
        IF tokens[at].word <> ',' THEN
            PERFORM sft_core.selector_wrong(field, tokens[at].place, 'a comma or the end');
        END IF;
        at := at + 1;
    END LOOP;
    RETURN result;
END $$;
COMMENT ON FUNCTION sft_core.selector_parse(text, text) IS 'The requirements of a selector, all of which must hold; none: every server. Refuses: <field>_format, with the position.';

CREATE FUNCTION sft_core.selector_path(parts sft_core.requirement[]) RETURNS jsonpath
LANGUAGE sql IMMUTABLE AS $$
    SELECT string_agg(CASE p.op
               WHEN 'exists' THEN format('exists($.%s)', to_json(p.key))
               WHEN 'absent' THEN format('!exists($.%s)', to_json(p.key))
               ELSE CASE p.op WHEN 'notin' THEN '!' ELSE '' END
                    || '(' || (SELECT string_agg(format('$.%s[*] == %s', to_json(p.key), to_json(w)), ' || ' ORDER BY o) FROM unnest(p.wanted) WITH ORDINALITY u (w, o)) || ')'
           END, ' && ' ORDER BY n)::jsonpath
      FROM unnest(parts) WITH ORDINALITY p (key, op, wanted, n)
$$;
COMMENT ON FUNCTION sft_core.selector_path(sft_core.requirement[]) IS 'A selector as a jsonpath over label_values; null: every server. A negative requirement holds where no source has the value.';

CREATE FUNCTION sft_core.selected(match jsonpath, label_values jsonb) RETURNS boolean
LANGUAGE sql IMMUTABLE PARALLEL SAFE
RETURN match IS NULL OR (label_values @@ match) IS TRUE;
COMMENT ON FUNCTION sft_core.selected(jsonpath, jsonb) IS 'Whether a stored selector picks a server. Inlined wherever it is called.';

CREATE FUNCTION sft_core.server_labels(v sft.servers) RETURNS jsonb
LANGUAGE sql IMMUTABLE
RETURN sft.server_labels((v).labels, (v).api_labels, (v).os_type, (v).managed);
COMMENT ON FUNCTION sft_core.server_labels(sft.servers) IS 'A server''s labels as people see them: each with its source.';

CREATE FUNCTION sft_core.label_map(labels jsonb, field text) RETURNS jsonb
LANGUAGE plpgsql IMMUTABLE AS $$
BEGIN
    IF jsonb_typeof(labels) <> 'object' OR (SELECT count(*) > 64 OR coalesce(bool_or(l.key !~ '^[A-Za-z0-9._/-]{1,127}$'
            OR jsonb_typeof(l.value) <> 'string' OR length(l.value #>> '{}') > 255
            OR l.value #>> '{}' ~ '[[:cntrl:]]'), false) FROM jsonb_each(labels) l) THEN
        PERFORM sft_core.wrong(field, 'is an object of at most 64 lines of text, with names of letters, digits and . _ / -');
    END IF;
    RETURN labels;
END $$;
COMMENT ON FUNCTION sft_core.label_map(jsonb, text) IS 'Labels that somebody wrote, checked. Refuses: <field>_format.';

CREATE FUNCTION sft_core.api_labels_of(body jsonb) RETURNS jsonb
LANGUAGE sql IMMUTABLE
RETURN sft_core.label_map(coalesce((
    SELECT jsonb_object_agg(regexp_replace(l.key, '^api[.]', ''), l.value) FROM jsonb_each(sft_core.maybe_object(body, 'labels')) l), '{}'), 'labels');
COMMENT ON FUNCTION sft_core.api_labels_of(jsonb) IS 'The labels in a request: all of them are the API''s, with api. before their name or without. Refuses: labels_format.';
