-- SPDX-License-Identifier: PostgreSQL
-- 122_attributes.sql - what can be said about the account of a user, or about a group, on servers: names, numbers, shell, comment, home.
-- Every holder has every attribute: set by somebody, or as the platform chose. What another has or had is kept, reported as conflicting, and counts for nothing.

CREATE TYPE sft_core.attribute AS (id uuid, user_id uuid, group_id uuid, name text, value text, conflicting boolean, is_set boolean);
COMMENT ON TYPE sft_core.attribute IS 'An attribute of a user or a group, set or not.';

CREATE FUNCTION sft_core.attribute_id(holder uuid, name text) RETURNS uuid
LANGUAGE sql IMMUTABLE
RETURN encode(substr(sha256(convert_to(holder || '/' || name, 'UTF8')), 1, 16), 'hex')::uuid;
COMMENT ON FUNCTION sft_core.attribute_id(uuid, text) IS 'The id of an attribute, the same before and after it is set.';

CREATE FUNCTION sft_core.user_attributes(u sft.users) RETURNS SETOF sft_core.attribute
LANGUAGE sql STABLE AS $$
    SELECT sft_core.attribute_id(u.id, d.name), u.id, NULL::uuid, d.name, coalesce(a.value, d.value), coalesce(a.conflicting, false), a.id IS NOT NULL
      FROM (VALUES ('unix_user_name', u.server_user_name::text), ('unix_uid', u.unix_uid::text), ('unix_gid', u.unix_uid::text),
                   ('windows_user_name', left(u.server_user_name, 20)), ('user_shell', '/bin/bash'), ('gecos_field', ''),
                   ('home_directory', '/home/' || u.server_user_name)) d (name, value)
      LEFT JOIN sft.attributes a ON a.team_id = u.team_id AND a.user_id = u.id AND a.name = d.name
$$;
COMMENT ON FUNCTION sft_core.user_attributes(sft.users) IS 'All attributes of a user. A uid or gid is null until a project gives one.';

CREATE FUNCTION sft_core.group_attributes(g sft.groups) RETURNS SETOF sft_core.attribute
LANGUAGE sql STABLE AS $$
    SELECT sft_core.attribute_id(g.id, d.name), NULL::uuid, g.id, d.name, coalesce(a.value, d.value), coalesce(a.conflicting, false), a.id IS NOT NULL
      FROM (VALUES ('unix_group_name', g.server_group_name::text), ('unix_gid', g.unix_gid::text), ('windows_group_name', g.server_group_name::text)) d (name, value)
      LEFT JOIN sft.attributes a ON a.team_id = g.team_id AND a.group_id = g.id AND a.name = d.name
$$;
COMMENT ON FUNCTION sft_core.group_attributes(sft.groups) IS 'All attributes of a group.';

-- What a server's document says of a person; agents check the same forms again.
CREATE FUNCTION sft_core.account_json(u sft.users, team text, own jsonb) RETURNS jsonb
LANGUAGE sql STABLE
RETURN jsonb_build_object('user_id', (u).id, 'name', (u).server_user_name, 'uid', (u).unix_uid, 'gid', coalesce((own->>'unix_gid')::int, (u).unix_uid),
    'gecos', left('sft ' || team || '/' || (u).name || coalesce(', ' || nullif(own->>'gecos_field', ''), ''), 200),
    'shell', coalesce(own->>'user_shell', '/bin/bash'), 'home', coalesce(own->>'home_directory', '/home/' || (u).server_user_name));
COMMENT ON FUNCTION sft_core.account_json(sft.users, text, jsonb) IS 'The account of a user on servers; own: the attributes that somebody has set and that count, by name.';

CREATE FUNCTION sft_core.attribute_form(name text, value text) RETURNS void
LANGUAGE plpgsql IMMUTABLE AS $$
DECLARE
    account sft.server_user_name;
BEGIN
    IF name IN ('unix_user_name', 'unix_group_name') THEN
        account := value;                                    -- its domain knows the form
        IF name = 'unix_user_name' AND account LIKE 'sft\_%' THEN
            PERFORM sft_core.refuse(400, 'server_user_name_of_group', 'A server user name does not start with sft_: groups on servers do.');
        END IF;
    ELSIF name IN ('unix_uid', 'unix_gid') AND (value !~ '^[1-9][0-9]{3,9}$' OR value::bigint NOT BETWEEN 1000 AND 2147483646
        OR value::bigint BETWEEN 60514 AND 65535 AND name = 'unix_uid' OR value IN ('65534', '65535')) THEN
        PERFORM sft_core.wrong('attribute_value', 'is a number from 1000 to 2147483646, outside 60514 to 65535 where systems have their own');
    ELSIF name = 'user_shell' AND value !~ '^(/[A-Za-z0-9_+-][A-Za-z0-9._+-]*){1,8}$' THEN
        PERFORM sft_core.wrong('attribute_value', 'is the absolute path of a shell');
    ELSIF name = 'home_directory' AND value !~ '^/home/[a-z_][a-z0-9_-]{0,30}$' THEN
        PERFORM sft_core.wrong('attribute_value', 'is a folder directly in /home, named like an account');
    ELSIF name = 'gecos_field' AND value !~ '^[ -9;-~]{1,60}$' THEN
        PERFORM sft_core.wrong('attribute_value', 'has at most 60 characters of ASCII and no colon');
    ELSIF name LIKE 'windows%' AND value !~ '^[^"/\\[\]:;|=,+*?<>@[:cntrl:]]{1,20}$' THEN
        PERFORM sft_core.wrong('attribute_value', 'is a Windows account name of at most 20 characters');
    END IF;
END $$;
COMMENT ON FUNCTION sft_core.attribute_form(text, text) IS 'Whether a value can be an attribute''s. Refuses: attribute_value_format, server_user_name_format, server_user_name_reserved, server_user_name_of_group.';

-- A name or number of one's own, now or once, or one that nobody ever had: then it is taken here, for good.
CREATE FUNCTION sft_core.unix_name_take(team_id uuid, name text, user_id uuid, group_id uuid) RETURNS boolean
LANGUAGE plpgsql AS $$
BEGIN
    IF NOT sft_core.unix_name_taken(team_id, name) THEN
        PERFORM sft_core.unix_name_give(team_id, name, user_id, group_id);
        RETURN true;
    END IF;
    RETURN EXISTS (SELECT FROM sft.unix_names n WHERE n.team_id = unix_name_take.team_id AND n.name = unix_name_take.name
        AND (n.user_id = unix_name_take.user_id OR n.group_id = unix_name_take.group_id));
END $$;
COMMENT ON FUNCTION sft_core.unix_name_take(uuid, text, uuid, uuid) IS 'Whether a user or group may have a name on servers. The caller holds the team''s row.';

CREATE FUNCTION sft_core.unix_id_take(team_id uuid, unix_id int, user_id uuid, group_id uuid) RETURNS boolean
LANGUAGE plpgsql AS $$
DECLARE
    holder sft.unix_ids;
BEGIN
    SELECT i.* INTO holder FROM sft.unix_ids i WHERE i.team_id = unix_id_take.team_id AND i.unix_id = unix_id_take.unix_id;
    IF NOT FOUND THEN
        INSERT INTO sft.unix_ids (team_id, unix_id, user_id, group_id)
        VALUES (unix_id_take.team_id, unix_id_take.unix_id, unix_id_take.user_id, unix_id_take.group_id);
        RETURN true;
    END IF;
    RETURN coalesce(holder.user_id = unix_id_take.user_id, holder.group_id = unix_id_take.group_id, false);
END $$;
COMMENT ON FUNCTION sft_core.unix_id_take(uuid, int, uuid, uuid) IS 'Whether a user or group may have a number on servers. The caller holds the team''s row.';

CREATE FUNCTION sft_core.attribute_take(team_id uuid, a sft_core.attribute) RETURNS boolean
LANGUAGE plpgsql AS $$
BEGIN
    RETURN CASE
        WHEN a.name IN ('unix_user_name', 'unix_group_name') THEN sft_core.unix_name_take(team_id, a.value, a.user_id, a.group_id)
        WHEN a.name = 'home_directory' THEN sft_core.unix_name_take(team_id, substr(a.value, 7), a.user_id, NULL)
        WHEN a.name IN ('unix_uid', 'unix_gid') THEN sft_core.unix_id_take(team_id, a.value::int, a.user_id, a.group_id)
        WHEN a.name LIKE 'windows%' THEN NOT EXISTS (SELECT FROM sft.attributes o WHERE o.team_id = attribute_take.team_id AND o.name LIKE 'windows%'
            AND lower(o.value) = lower(a.value) AND o.id <> a.id)
        ELSE true END;
END $$;
COMMENT ON FUNCTION sft_core.attribute_take(uuid, sft_core.attribute) IS 'Whether nobody else has, or had, what an attribute says.';

CREATE FUNCTION sft_core.attribute_apply(team_id uuid, a sft_core.attribute) RETURNS void
LANGUAGE plpgsql AS $$
BEGIN
    UPDATE sft.users u SET server_user_name = CASE a.name WHEN 'unix_user_name' THEN a.value ELSE u.server_user_name END,
        unix_uid = CASE a.name WHEN 'unix_uid' THEN a.value::int ELSE u.unix_uid END
     WHERE u.team_id = attribute_apply.team_id AND u.id = a.user_id AND a.name IN ('unix_user_name', 'unix_uid');
    UPDATE sft.groups g SET server_group_name = CASE a.name WHEN 'unix_group_name' THEN a.value ELSE g.server_group_name END,
        unix_gid = CASE a.name WHEN 'unix_gid' THEN a.value::int ELSE g.unix_gid END
     WHERE g.team_id = attribute_apply.team_id AND g.id = a.group_id AND a.name IN ('unix_group_name', 'unix_gid');
END $$;
COMMENT ON FUNCTION sft_core.attribute_apply(uuid, sft_core.attribute) IS 'Puts a name or number where certificates and servers'' documents read it; the other attributes are read where they are.';

CREATE FUNCTION sft_core.attribute_set(by sft.actor, team_id uuid, a sft_core.attribute, given text) RETURNS void
LANGUAGE plpgsql AS $$
BEGIN
    PERFORM sft_core.fence(team_id);
    PERFORM FROM sft.users u WHERE u.team_id = attribute_set.team_id AND u.id = a.user_id FOR NO KEY UPDATE;    -- in the order of member_add
    PERFORM FROM sft.teams t WHERE t.id = attribute_set.team_id FOR NO KEY UPDATE;
    IF coalesce(given, '') = '' THEN                         -- the platform's own choice again; a name or number that counts stays
        DELETE FROM sft.attributes x WHERE x.team_id = attribute_set.team_id AND x.id = a.id;
    ELSE
        PERFORM sft_core.attribute_form(a.name, given);
        a.value := given;
        a.conflicting := NOT sft_core.attribute_take(team_id, a);
        INSERT INTO sft.attributes (team_id, id, user_id, group_id, name, value, conflicting, changed_by)
        VALUES (attribute_set.team_id, a.id, a.user_id, a.group_id, a.name, a.value, a.conflicting, (by).name)
        ON CONFLICT ON CONSTRAINT attribute_taken DO UPDATE SET value = EXCLUDED.value, conflicting = EXCLUDED.conflicting,
            changed_by = EXCLUDED.changed_by, changed_at = now();
        IF NOT a.conflicting THEN
            PERFORM sft_core.attribute_apply(team_id, a);
        END IF;
    END IF;
    PERFORM sft_core.touch_projects(team_id, VARIADIC CASE WHEN a.user_id IS NOT NULL THEN sft_core.projects_of_user(team_id, a.user_id)
        ELSE ARRAY(SELECT pg.project_id FROM sft.project_groups pg WHERE pg.team_id = attribute_set.team_id AND pg.group_id = a.group_id) END);
    PERFORM sft_core.note(by, team_id, CASE WHEN a.user_id IS NULL THEN 'team_group_attribute.update' ELSE 'team_user_attribute.update' END,
        jsonb_build_object('attribute', a.name, 'value', given, 'conflicting', a.conflicting, 'subject_id', a.user_id, 'group_id', a.group_id));
END $$;
COMMENT ON FUNCTION sft_core.attribute_set(sft.actor, uuid, sft_core.attribute, text) IS 'Sets an attribute, or (null, empty) leaves it to the platform; servers and new certificates follow. What another has is kept as conflicting. Refuses: attribute_value_format, server_user_name_….';

CREATE FUNCTION sft_core.attribute_json(a sft_core.attribute) RETURNS jsonb
LANGUAGE sql STABLE
RETURN jsonb_build_object('id', (a).id, 'attribute_name', (a).name, 'managed', false, 'conflicting', (a).conflicting,
    'attribute_value', CASE WHEN (a).name IN ('unix_uid', 'unix_gid') THEN to_jsonb((a).value::bigint) ELSE to_jsonb((a).value) END);
COMMENT ON FUNCTION sft_core.attribute_json(sft_core.attribute) IS 'An attribute as answers show it.';

CREATE FUNCTION sft_core.attribute_value(b jsonb) RETURNS text
LANGUAGE plpgsql IMMUTABLE AS $$
BEGIN
    IF NOT b ? 'attribute_value' THEN
        PERFORM sft_core.refuse(400, 'attribute_value_missing', 'The field attribute_value is missing.');
    END IF;
    RETURN CASE WHEN jsonb_typeof(b->'attribute_value') = 'number' THEN b->>'attribute_value' ELSE sft_core.maybe_text(b, 'attribute_value') END;
END $$;
COMMENT ON FUNCTION sft_core.attribute_value(jsonb) IS 'The value that a request gives an attribute. Refuses: attribute_value_missing, attribute_value_format.';

CREATE FUNCTION sft_core.attribute_page(req sft.request, attributes sft_core.attribute[]) RETURNS sft.response
LANGUAGE plpgsql STABLE AS $$
DECLARE
    only_conflicts boolean := sft_core.query_flag((req).query, 'conflicting');
    page sft_core.page;
BEGIN
    page := sft_core.page_of(req, ARRAY(SELECT (a.name || ' ' || coalesce(a.value, ''), a.id)::sft_core.entry FROM unnest(attributes) a
        WHERE NOT only_conflicts OR a.conflicting));
    RETURN sft_core.page_reply(page, ARRAY(SELECT sft_core.attribute_json(a) FROM unnest(page.ids) WITH ORDINALITY i (id, o)
        JOIN unnest(attributes) a ON a.id = i.id::uuid ORDER BY i.o));
END $$;
COMMENT ON FUNCTION sft_core.attribute_page(sft.request, sft_core.attribute[]) IS 'A list of attributes by name; conflicting=true: those that count for nothing. Refuses: conflicting_format, count_format, offset_format.';

CREATE FUNCTION sft_core.attribute_in_path(req sft.request, attributes sft_core.attribute[]) RETURNS sft_core.attribute
LANGUAGE plpgsql STABLE AS $$
DECLARE
    found_one sft_core.attribute;
BEGIN
    SELECT a.* INTO found_one FROM unnest(attributes) a WHERE a.id::text = (req).params[3];
    IF NOT FOUND THEN
        PERFORM sft_core.refuse(404, 'attribute_unknown', 'There is no such attribute.');
    END IF;
    RETURN found_one;
END $$;
COMMENT ON FUNCTION sft_core.attribute_in_path(sft.request, sft_core.attribute[]) IS 'The attribute that the path names. Refuses: attribute_unknown.';

CREATE FUNCTION sft_core.attributes_of_user(req sft.request) RETURNS sft_core.attribute[]
LANGUAGE plpgsql STABLE AS $$
BEGIN
    RETURN ARRAY(SELECT a FROM sft_core.user_attributes(sft_core.user_in_path(req)) a);
END $$;
COMMENT ON FUNCTION sft_core.attributes_of_user(sft.request) IS 'The attributes of the user in the path. Refuses: user_unknown.';

CREATE FUNCTION sft_core.attributes_of_group(req sft.request) RETURNS sft_core.attribute[]
LANGUAGE plpgsql STABLE AS $$
DECLARE
    g sft.groups;
BEGIN
    SELECT x.* INTO STRICT g FROM sft.groups x WHERE x.team_id = ((req).actor).team_id AND x.id = sft_core.group_in_path(req);
    RETURN ARRAY(SELECT a FROM sft_core.group_attributes(g) a);
END $$;
COMMENT ON FUNCTION sft_core.attributes_of_group(sft.request) IS 'The attributes of the group in the path. Refuses: group_unknown.';

CREATE FUNCTION sft_api.user_attribute_list(req sft.request) RETURNS sft.response
LANGUAGE plpgsql STABLE AS $$
BEGIN
    RETURN sft_core.attribute_page(req, sft_core.attributes_of_user(req));
END $$;
COMMENT ON FUNCTION sft_api.user_attribute_list(sft.request) IS 'The attributes of a user. Refuses: user_unknown, conflicting_format, count_format, offset_format.';

CREATE FUNCTION sft_api.user_attribute_show(req sft.request) RETURNS sft.response
LANGUAGE plpgsql STABLE AS $$
BEGIN
    RETURN sft_core.reply(200, sft_core.attribute_json(sft_core.attribute_in_path(req, sft_core.attributes_of_user(req))));
END $$;
COMMENT ON FUNCTION sft_api.user_attribute_show(sft.request) IS 'An attribute of a user. Refuses: user_unknown, attribute_unknown.';

CREATE FUNCTION sft_api.user_attribute_update(req sft.request) RETURNS sft.response
LANGUAGE plpgsql AS $$
DECLARE
    a sft_core.attribute := sft_core.attribute_in_path(req, sft_core.attributes_of_user(req));
BEGIN
    IF (sft_core.user_in_path(req)).status = 'DELETED' THEN
        PERFORM sft_core.refuse(409, 'user_deleted', 'This user was deleted.');
    END IF;
    PERFORM sft_core.need_rank(req.actor, (req.actor).team_id, a.user_id);
    PERFORM sft_core.attribute_set(req.actor, (req.actor).team_id, a, sft_core.attribute_value(req.body));
    RETURN sft_core.reply(204);
END $$;
COMMENT ON FUNCTION sft_api.user_attribute_update(sft.request) IS 'Sets an attribute of a user; null leaves it to the platform. Refuses: user_unknown, user_deleted, attribute_unknown, attribute_value_missing, attribute_value_format, server_user_name_format, server_user_name_reserved, server_user_name_of_group, role_not_held.';

CREATE FUNCTION sft_api.group_attribute_list(req sft.request) RETURNS sft.response
LANGUAGE plpgsql STABLE AS $$
BEGIN
    RETURN sft_core.attribute_page(req, sft_core.attributes_of_group(req));
END $$;
COMMENT ON FUNCTION sft_api.group_attribute_list(sft.request) IS 'The attributes of a group. Refuses: group_unknown, conflicting_format, count_format, offset_format.';

CREATE FUNCTION sft_api.group_attribute_show(req sft.request) RETURNS sft.response
LANGUAGE plpgsql STABLE AS $$
BEGIN
    RETURN sft_core.reply(200, sft_core.attribute_json(sft_core.attribute_in_path(req, sft_core.attributes_of_group(req))));
END $$;
COMMENT ON FUNCTION sft_api.group_attribute_show(sft.request) IS 'An attribute of a group. Refuses: group_unknown, attribute_unknown.';

CREATE FUNCTION sft_api.group_attribute_update(req sft.request) RETURNS sft.response
LANGUAGE plpgsql AS $$
BEGIN
    PERFORM sft_core.attribute_set(req.actor, (req.actor).team_id, sft_core.attribute_in_path(req, sft_core.attributes_of_group(req)),
        sft_core.attribute_value(req.body));
    RETURN sft_core.reply(204);
END $$;
COMMENT ON FUNCTION sft_api.group_attribute_update(sft.request) IS 'Sets an attribute of a group; null leaves it to the platform. Refuses: group_unknown, attribute_unknown, attribute_value_missing, attribute_value_format, server_user_name_format, server_user_name_reserved.';

CREATE FUNCTION sft_api.attribute_conflict_list(req sft.request) RETURNS sft.response
LANGUAGE plpgsql STABLE AS $$
DECLARE
    team uuid := (req.actor).team_id;
    page sft_core.page;
BEGIN
    page := sft_core.page_of(req, ARRAY(SELECT (a.name || ' ' || a.value, a.id)::sft_core.entry FROM sft.attributes a WHERE a.team_id = team AND a.conflicting));
    RETURN sft_core.page_reply(page, ARRAY(
        SELECT sft_core.attribute_json((a.id, a.user_id, a.group_id, a.name, a.value, a.conflicting, true)::sft_core.attribute)
               || jsonb_build_object('user_name', (SELECT u.name FROM sft.users u WHERE u.team_id = team AND u.id = a.user_id),
                                     'group_name', (SELECT g.name FROM sft.groups g WHERE g.team_id = team AND g.id = a.group_id))
          FROM unnest(page.ids::uuid[]) WITH ORDINALITY i (id, o)
         CROSS JOIN LATERAL (SELECT x.* FROM sft.attributes x WHERE x.team_id = team AND x.id = i.id OFFSET 0) a ORDER BY i.o));
END $$;
COMMENT ON FUNCTION sft_api.attribute_conflict_list(sft.request) IS 'The attributes in the team that count for nothing, because another has, or had, what they say. Refuses: count_format, offset_format.';

INSERT INTO sft_core.routes (method, path, max_body, auth, roles, product, proc) VALUES
    ('GET', '/v1/teams/{team}/users/{user}/attributes',             0, 'member', '{access_user,access_admin,reporting_user}', true, 'user_attribute_list'),
    ('GET', '/v1/teams/{team}/users/{user}/attributes/{id}',        0, 'member', '{access_user,access_admin,reporting_user}', true, 'user_attribute_show'),
    ('PUT', '/v1/teams/{team}/users/{user}/attributes/{id}',     4096, 'member', '{access_admin}',                            true, 'user_attribute_update'),
    ('GET', '/v1/teams/{team}/groups/{group}/attributes',           0, 'member', '{access_user,access_admin,reporting_user}', true, 'group_attribute_list'),
    ('GET', '/v1/teams/{team}/groups/{group}/attributes/{id}',      0, 'member', '{access_user,access_admin,reporting_user}', true, 'group_attribute_show'),
    ('PUT', '/v1/teams/{team}/groups/{group}/attributes/{id}',   4096, 'member', '{access_admin}',                            true, 'group_attribute_update'),
    ('GET', '/v1/teams/{team}/attributes/conflicts',                0, 'member', '{access_user,access_admin,reporting_user}', true, 'attribute_conflict_list');
