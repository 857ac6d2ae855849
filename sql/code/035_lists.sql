-- SPDX-License-Identifier: PostgreSQL
-- 035_lists.sql - lists as the product answers them: {"list":[…]}, pages by Link, filters of the query. For every list there is.
--
--   page := sft_core.page_of(req, ARRAY(SELECT (lower(x.name), x.id)::sft_core.entry FROM … WHERE … AND sft_core.name_matches(req.query, x.name)));
--   RETURN sft_core.page_reply(page, ARRAY(SELECT l.item FROM unnest(page.ids::uuid[]) WITH ORDINALITY i (id, o)
--       CROSS JOIN LATERAL (SELECT sft_core.x_json(x) AS item FROM sft.x WHERE x.team_id = … AND x.id = i.id OFFSET 0) l ORDER BY i.o));      (why so: ../README.md)

CREATE TYPE sft_core.entry AS (key text COLLATE "C", id text);
COMMENT ON TYPE sft_core.entry IS 'One item of a list before it is cut into pages: what it is sorted by, and its id.';

CREATE TYPE sft_core.page AS (ids text[], headers text);
COMMENT ON TYPE sft_core.page IS 'The ids of one page in their order, and the Link header to its neighbours.';

CREATE FUNCTION sft_core.base64url(value bytea) RETURNS text
LANGUAGE sql IMMUTABLE
RETURN translate(encode(value, 'base64'), E'+/=\n', '-_');
COMMENT ON FUNCTION sft_core.base64url(bytea) IS 'base64url without padding.';

CREATE FUNCTION sft_core.from_base64url(value text) RETURNS bytea
LANGUAGE sql IMMUTABLE
RETURN decode(translate(value, '-_', '+/') || repeat('=', (4 - length(value) % 4) % 4), 'base64');
COMMENT ON FUNCTION sft_core.from_base64url(text) IS 'The bytes of base64url without padding. Raises 22023 where it is none.';

CREATE FUNCTION sft_core.percent_encode(value text) RETURNS text
LANGUAGE sql IMMUTABLE
RETURN CASE WHEN value ~ '^[A-Za-z0-9._~-]*$' THEN value
    ELSE regexp_replace(encode(convert_to(value, 'UTF8'), 'hex'), '(..)', '%\1', 'g') END;
COMMENT ON FUNCTION sft_core.percent_encode(text) IS 'A value for a query: as it is where that is harmless, else each byte escaped.';

CREATE FUNCTION sft_core.query_number(query jsonb, name text, lowest bigint, highest bigint) RETURNS bigint
LANGUAGE plpgsql IMMUTABLE AS $$
DECLARE
    value text := query->>name;
BEGIN
    IF value IS NULL OR value = '' THEN
        RETURN NULL;
    END IF;
    IF value !~ '^(0|[1-9][0-9]{0,17})$' OR value::bigint NOT BETWEEN lowest AND highest THEN
        PERFORM sft_core.wrong(name, format('is a whole number from %s to %s', lowest, highest));
    END IF;
    RETURN value::bigint;
END $$;
COMMENT ON FUNCTION sft_core.query_number(jsonb, text, bigint, bigint) IS 'A whole number in the query, or null. Refuses: <name>_format.';

CREATE FUNCTION sft_core.query_flag(query jsonb, name text) RETURNS boolean
LANGUAGE plpgsql IMMUTABLE AS $$
BEGIN
    IF coalesce(query->>name, 'false') NOT IN ('true', 'false', '1', '0', '') THEN
        PERFORM sft_core.wrong(name, 'is true or false');
    END IF;
    RETURN coalesce(query->>name, 'false') IN ('true', '1');
END $$;
COMMENT ON FUNCTION sft_core.query_flag(jsonb, text) IS 'A truth value in the query, false where it is absent. Refuses: <name>_format.';

CREATE FUNCTION sft_core.query_text(query jsonb, name text) RETURNS text
LANGUAGE sql IMMUTABLE
RETURN nullif(query->>name, '');
COMMENT ON FUNCTION sft_core.query_text(jsonb, text) IS 'A value of the query; null where it is absent or empty.';

CREATE FUNCTION sft_core.name_matches(query jsonb, name text) RETURNS boolean
LANGUAGE sql IMMUTABLE
RETURN (sft_core.query_text(query, 'contains') IS NULL OR position(lower(query->>'contains') IN lower(name)) > 0)
    AND (sft_core.query_text(query, 'starts_with') IS NULL OR starts_with(lower(name), lower(query->>'starts_with')));
COMMENT ON FUNCTION sft_core.name_matches(jsonb, text) IS 'Whether a name passes the filters contains and starts_with, whatever its case.';

CREATE FUNCTION sft_core.query_one_of(query jsonb, name text, VARIADIC known text[]) RETURNS text
LANGUAGE plpgsql IMMUTABLE AS $$
DECLARE
    value text := sft_core.query_text(query, name);
BEGIN
    IF value IS NOT NULL AND upper(value) <> ALL (SELECT upper(k) FROM unnest(known) k) THEN
        PERFORM sft_core.wrong(name, 'is one of ' || array_to_string(known, ', '));
    END IF;
    RETURN (SELECT k FROM unnest(known) k WHERE upper(k) = upper(value));
END $$;
COMMENT ON FUNCTION sft_core.query_one_of(jsonb, text, text[]) IS 'A filter that is one of several words, in the spelling given here, or null. Refuses: <name>_format.';

CREATE FUNCTION sft_core.page_count(req sft.request, usual bigint DEFAULT 100) RETURNS bigint
LANGUAGE sql IMMUTABLE
RETURN least(1000, coalesce(sft_core.query_number((req).query, 'count', 1, 2147483647), usual));
COMMENT ON FUNCTION sft_core.page_count(sft.request, bigint) IS 'How many items a page has: as many as asked for, else as usual, never more than 1000. Refuses: count_format.';

CREATE FUNCTION sft_core.page_mark(req sft.request, entries sft_core.entry[] DEFAULT '{}') RETURNS sft_core.entry
LANGUAGE plpgsql IMMUTABLE AS $$
DECLARE
    value text := sft_core.query_text((req).query, 'offset');
    mark  sft_core.entry;
BEGIN
    IF value IS NULL THEN
        RETURN NULL;
    END IF;
    SELECT e.key, e.id INTO mark FROM unnest(entries) e WHERE e.id = value LIMIT 1;
    IF NOT FOUND AND length(value) <= 1024 AND value ~ '^[A-Za-z0-9_-]+$' THEN
        BEGIN
            SELECT substr(t, position(E'\n' IN t) + 1), split_part(t, E'\n', 1) INTO mark
              FROM convert_from(sft_core.from_base64url(value), 'UTF8') t WHERE position(E'\n' IN t) > 0;
        EXCEPTION WHEN data_exception THEN
            mark := NULL;
        END;
    END IF;
    IF mark.id IS NULL THEN
        PERFORM sft_core.wrong('offset', 'is what the last page''s Link gave, or the id of an item of the list');
    END IF;
    RETURN mark;
END $$;
COMMENT ON FUNCTION sft_core.page_mark(sft.request, sft_core.entry[]) IS 'The item at which a page starts, itself not in it; null: at the beginning. Refuses: offset_format.';

CREATE FUNCTION sft_core.page_link(req sft.request, count bigint, direction text, mark sft_core.entry) RETURNS text
LANGUAGE sql STABLE AS $$
    SELECT '<' || i.url || split_part(encode((req).target, 'escape'), '?', 1) || '?'
        || coalesce((SELECT string_agg(sft_core.percent_encode(k) || '=' || sft_core.percent_encode(v), '&' ORDER BY k) || '&'
                       FROM jsonb_each_text((req).query) q (k, v) WHERE k NOT IN ('count', 'offset', 'prev')), '')
        || 'count=' || count || '&offset=' || sft_core.base64url(convert_to(mark.id || E'\n' || mark.key, 'UTF8'))
        || CASE direction WHEN 'prev' THEN '&prev=true' ELSE '' END || '>; rel="' || direction || '"'
      FROM sft.instance i
$$;
COMMENT ON FUNCTION sft_core.page_link(sft.request, bigint, text, sft_core.entry) IS 'One Link of a list, next or prev, with the filters of the request.';

CREATE FUNCTION sft_core.page_of(req sft.request, entries sft_core.entry[], usual bigint DEFAULT 100, newest boolean DEFAULT false) RETURNS sft_core.page
LANGUAGE plpgsql STABLE AS $$
DECLARE
    many bigint := sft_core.page_count(req, usual);
    back boolean := sft_core.query_flag((req).query, 'prev');
    down boolean := sft_core.query_flag((req).query, 'descending') <> newest;
    mark sft_core.entry := sft_core.page_mark(req, entries);
    cut  sft_core.entry[];
    more boolean;
BEGIN
    IF down = back THEN
        cut := ARRAY(SELECT e FROM unnest(entries) e WHERE mark.id IS NULL OR (e.key, e.id) > (mark.key, mark.id)
                      ORDER BY e.key, e.id LIMIT many + 1);
    ELSE
        cut := ARRAY(SELECT e FROM unnest(entries) e WHERE mark.id IS NULL OR (e.key, e.id) < (mark.key, mark.id)
                      ORDER BY e.key DESC, e.id DESC LIMIT many + 1);
    END IF;
    more := cardinality(cut) > many;
    cut := cut[:many];
    IF back THEN
        cut := ARRAY(SELECT (e.key, e.id)::sft_core.entry FROM unnest(cut) WITH ORDINALITY e (key, id, o) ORDER BY o DESC);
    END IF;
    RETURN (ARRAY(SELECT e.id FROM unnest(cut) WITH ORDINALITY e (key, id, o) ORDER BY o), sft_core.page_links(req, many, cut,
        CASE WHEN back THEN more ELSE mark.id IS NOT NULL END, CASE WHEN back THEN mark.id IS NOT NULL ELSE more END))::sft_core.page;
END $$;
COMMENT ON FUNCTION sft_core.page_of(sft.request, sft_core.entry[], bigint, boolean) IS 'The page of a list that a request asks for by count, offset, descending and prev; newest: descending unless asked otherwise. Refuses: count_format, offset_format, descending_format, prev_format.';

-- Real clients follow a lone prev into nothing: prev is only told where there is a next.
CREATE FUNCTION sft_core.page_links(req sft.request, many bigint, cut sft_core.entry[], has_prev boolean, has_next boolean) RETURNS text
LANGUAGE sql STABLE
RETURN CASE WHEN has_next AND cardinality(cut) > 0 THEN 'link: ' || sft_core.page_link(req, many, 'next', cut[cardinality(cut)])
    || CASE WHEN has_prev THEN ', ' || sft_core.page_link(req, many, 'prev', cut[1]) ELSE '' END || E'\n' ELSE '' END;
COMMENT ON FUNCTION sft_core.page_links(sft.request, bigint, sft_core.entry[], boolean, boolean) IS 'The Link header of a page; none on the last one.';

CREATE FUNCTION sft_core.page_reply(page sft_core.page, items jsonb[]) RETURNS sft.response
LANGUAGE sql IMMUTABLE
RETURN sft_core.reply(200, jsonb_build_object('list', to_jsonb(items)), (page).headers);
COMMENT ON FUNCTION sft_core.page_reply(sft_core.page, jsonb[]) IS 'The answer to a list.';

CREATE FUNCTION sft_core.time_key(at timestamptz) RETURNS text
LANGUAGE sql STABLE
RETURN to_char(at AT TIME ZONE 'UTC', 'YYYY-MM-DD"T"HH24:MI:SS.US');
COMMENT ON FUNCTION sft_core.time_key(timestamptz) IS 'A time as lists sort by it.';
