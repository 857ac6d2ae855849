-- SPDX-License-Identifier: PostgreSQL
-- 346_kubernetes.sql - Kubernetes clusters and which groups use them: records, so that what administers the product finds them.

CREATE FUNCTION sft_core.kubernetes_cluster_json(c sft.kubernetes_clusters) RETURNS jsonb
LANGUAGE sql IMMUTABLE
RETURN jsonb_build_object('id', (c).id, 'key', (c).key, 'auth', (c).auth, 'labels', sft.prefixed((c).labels, 'api'), 'api_url', (c).api_url,
    'public_certificate', (c).public_certificate, 'deleted_at', sft_core.json_time((c).deleted_at));
COMMENT ON FUNCTION sft_core.kubernetes_cluster_json(sft.kubernetes_clusters) IS 'A cluster as answers show it, its labels with their source.';

CREATE FUNCTION sft_core.kubernetes_cluster_of(by sft.actor, id text) RETURNS sft.kubernetes_clusters
LANGUAGE plpgsql STABLE AS $$
DECLARE
    c sft.kubernetes_clusters;
BEGIN
    SELECT x.* INTO c FROM sft.kubernetes_clusters x WHERE x.team_id = (by).team_id AND x.id = sft_core.uuid_of(kubernetes_cluster_of.id) AND x.deleted_at IS NULL;
    IF NOT FOUND THEN
        PERFORM sft_core.refuse(404, 'kubernetes_cluster_unknown', 'There is no such cluster.');
    END IF;
    RETURN c;
END $$;
COMMENT ON FUNCTION sft_core.kubernetes_cluster_of(sft.actor, text) IS 'A cluster of the team. Refuses: kubernetes_cluster_unknown.';

CREATE FUNCTION sft_core.certificate_text(b jsonb, field text) RETURNS text
LANGUAGE plpgsql IMMUTABLE AS $$
DECLARE
    value text := b->>field;
BEGIN
    IF value IS NOT NULL AND (jsonb_typeof(b->field) <> 'string' OR length(value) > 16384 OR value ~ '[^[:print:]\n\r]') THEN
        PERFORM sft_core.wrong(field, 'is text of at most 16384 characters');
    END IF;
    RETURN value;
END $$;
COMMENT ON FUNCTION sft_core.certificate_text(jsonb, text) IS 'Text of several lines, or null. Refuses: <field>_format.';

CREATE FUNCTION sft_api.kubernetes_cluster_list(req sft.request) RETURNS sft.response
LANGUAGE plpgsql STABLE AS $$
DECLARE
    who   sft.actor := req.actor;
    match jsonpath := sft_core.selector_path(sft_core.selector_parse('selector', sft_core.query_text(req.query, 'selector')));
    page  sft_core.page;
BEGIN
    page := sft_core.page_of(req, ARRAY(
        SELECT (lower(c.key), c.id)::sft_core.entry FROM sft.kubernetes_clusters c
         WHERE c.team_id = who.team_id AND c.deleted_at IS NULL AND sft_core.name_matches(req.query, c.key) AND sft_core.selected(match, c.label_values)));
    RETURN sft_core.page_reply(page, ARRAY(
        SELECT l.item FROM unnest(page.ids::uuid[]) WITH ORDINALITY i (id, o)
         CROSS JOIN LATERAL (SELECT sft_core.kubernetes_cluster_json(c) AS item FROM sft.kubernetes_clusters c WHERE c.team_id = who.team_id AND c.id = i.id OFFSET 0) l ORDER BY i.o));
END $$;
COMMENT ON FUNCTION sft_api.kubernetes_cluster_list(sft.request) IS 'The team''s clusters by key. Refuses: selector_format, count_format, offset_format.';

CREATE FUNCTION sft_api.kubernetes_cluster_create(req sft.request) RETURNS sft.response
LANGUAGE plpgsql AS $$
DECLARE
    who sft.actor := req.actor;
    c   sft.kubernetes_clusters;
BEGIN
    INSERT INTO sft.kubernetes_clusters AS x (team_id, key, auth, labels, api_url, public_certificate)
    VALUES (who.team_id, sft_core.need_text(req.body, 'key'), coalesce(nullif(sft_core.maybe_text(req.body, 'auth', 16), ''), 'NONE'), sft_core.api_labels_of(req.body),
        coalesce(sft_core.maybe_text(req.body, 'api_url'), ''), coalesce(sft_core.certificate_text(req.body, 'public_certificate'), '')) RETURNING x.* INTO c;
    PERFORM sft_core.note(who, who.team_id, 'kubernetes_cluster.create', jsonb_build_object('kubernetes_cluster_id', c.id, 'key', c.key, 'labels', c.labels));
    RETURN sft_core.reply(201, sft_core.kubernetes_cluster_json(c));
END $$;
COMMENT ON FUNCTION sft_api.kubernetes_cluster_create(sft.request) IS 'Writes down a cluster. Refuses: key_missing, kubernetes_cluster_key_format, kubernetes_cluster_key_taken, kubernetes_auth_unknown, labels_format, kubernetes_api_url_format, public_certificate_format.';

CREATE FUNCTION sft_api.kubernetes_cluster_show(req sft.request) RETURNS sft.response
LANGUAGE plpgsql STABLE AS $$
BEGIN
    RETURN sft_core.reply(200, sft_core.kubernetes_cluster_json(sft_core.kubernetes_cluster_of(req.actor, req.params[2])));
END $$;
COMMENT ON FUNCTION sft_api.kubernetes_cluster_show(sft.request) IS 'A cluster. Refuses: kubernetes_cluster_unknown.';

CREATE FUNCTION sft_api.kubernetes_cluster_update(req sft.request) RETURNS sft.response
LANGUAGE plpgsql AS $$
DECLARE
    c sft.kubernetes_clusters := sft_core.kubernetes_cluster_of(req.actor, req.params[2]);
BEGIN
    UPDATE sft.kubernetes_clusters x SET auth = coalesce(nullif(sft_core.maybe_text(req.body, 'auth', 16), ''), x.auth),
           labels = CASE WHEN req.body ? 'labels' THEN sft_core.api_labels_of(req.body) ELSE x.labels END,
           api_url = coalesce(sft_core.maybe_text(req.body, 'api_url'), x.api_url),
           public_certificate = coalesce(sft_core.certificate_text(req.body, 'public_certificate'), x.public_certificate)
     WHERE x.team_id = c.team_id AND x.id = c.id RETURNING x.* INTO c;
    PERFORM sft_core.note(req.actor, c.team_id, 'kubernetes_cluster.update', jsonb_build_object('kubernetes_cluster_id', c.id, 'key', c.key, 'labels', c.labels));
    RETURN sft_core.reply(204);
END $$;
COMMENT ON FUNCTION sft_api.kubernetes_cluster_update(sft.request) IS 'Changes what is written down of a cluster; empty texts clear its connection. Refuses: kubernetes_cluster_unknown, kubernetes_auth_unknown, labels_format, kubernetes_api_url_format, public_certificate_format.';

CREATE FUNCTION sft_api.kubernetes_cluster_delete(req sft.request) RETURNS sft.response
LANGUAGE plpgsql AS $$
DECLARE
    c sft.kubernetes_clusters := sft_core.kubernetes_cluster_of(req.actor, req.params[2]);
BEGIN
    UPDATE sft.kubernetes_clusters x SET deleted_at = now() WHERE x.team_id = c.team_id AND x.id = c.id;
    PERFORM sft_core.note(req.actor, c.team_id, 'kubernetes_cluster.delete', jsonb_build_object('kubernetes_cluster_id', c.id, 'key', c.key));
    RETURN sft_core.reply(204);
END $$;
COMMENT ON FUNCTION sft_api.kubernetes_cluster_delete(sft.request) IS 'Forgets a cluster. Refuses: kubernetes_cluster_unknown.';

-- Cluster groups --------------------------------------------------------------------------------
CREATE FUNCTION sft_core.kubernetes_cluster_group_json(g sft.kubernetes_cluster_groups) RETURNS jsonb
LANGUAGE sql STABLE
RETURN jsonb_build_object('id', (g).id, 'group_name', (SELECT x.name FROM sft.groups x WHERE x.team_id = (g).team_id AND x.id = (g).group_id),
    'cluster_selector', (g).cluster_selector, 'claims', (g).claims);
COMMENT ON FUNCTION sft_core.kubernetes_cluster_group_json(sft.kubernetes_cluster_groups) IS 'A cluster group as answers show it.';

CREATE FUNCTION sft_core.kubernetes_cluster_group_of(by sft.actor, id text) RETURNS sft.kubernetes_cluster_groups
LANGUAGE plpgsql STABLE AS $$
DECLARE
    g sft.kubernetes_cluster_groups;
BEGIN
    SELECT x.* INTO g FROM sft.kubernetes_cluster_groups x JOIN sft.groups y ON y.team_id = x.team_id AND y.id = x.group_id AND y.deleted_at IS NULL
     WHERE x.team_id = (by).team_id AND x.id = sft_core.uuid_of(kubernetes_cluster_group_of.id);
    IF NOT FOUND THEN
        PERFORM sft_core.refuse(404, 'kubernetes_cluster_group_unknown', 'There is no such cluster group.');
    END IF;
    RETURN g;
END $$;
COMMENT ON FUNCTION sft_core.kubernetes_cluster_group_of(sft.actor, text) IS 'A cluster group of the team. Refuses: kubernetes_cluster_group_unknown.';

CREATE FUNCTION sft_core.claims_of(b jsonb) RETURNS jsonb
LANGUAGE plpgsql IMMUTABLE AS $$
DECLARE
    claims jsonb := coalesce(sft_core.maybe_object(b, 'claims'), '{}');
BEGIN
    IF (SELECT count(*) > 32 OR coalesce(bool_or(c.key !~ '^[A-Za-z0-9._:/-]{1,127}$' OR jsonb_typeof(c.value) <> 'array' OR length(c.value::text) > 4000
        OR EXISTS (SELECT FROM jsonb_array_elements(CASE WHEN jsonb_typeof(c.value) = 'array' THEN c.value ELSE '[]' END) e WHERE jsonb_typeof(e) <> 'string')), false) FROM jsonb_each(claims) c) THEN
        PERFORM sft_core.wrong('claims', 'is an object of at most 32 lists of text');
    END IF;
    RETURN claims;
END $$;
COMMENT ON FUNCTION sft_core.claims_of(jsonb) IS 'The claims of a cluster group. Refuses: claims_format.';

CREATE FUNCTION sft_api.kubernetes_cluster_group_list(req sft.request) RETURNS sft.response
LANGUAGE plpgsql STABLE AS $$
DECLARE
    who  sft.actor := req.actor;
    page sft_core.page;
BEGIN
    page := sft_core.page_of(req, ARRAY(
        SELECT (lower(y.name), x.id)::sft_core.entry FROM sft.kubernetes_cluster_groups x JOIN sft.groups y ON y.team_id = x.team_id AND y.id = x.group_id AND y.deleted_at IS NULL
         WHERE x.team_id = who.team_id AND sft_core.name_matches(req.query, y.name)));
    RETURN sft_core.page_reply(page, ARRAY(
        SELECT l.item FROM unnest(page.ids::uuid[]) WITH ORDINALITY i (id, o)
         CROSS JOIN LATERAL (SELECT sft_core.kubernetes_cluster_group_json(g) AS item FROM sft.kubernetes_cluster_groups g WHERE g.team_id = who.team_id AND g.id = i.id OFFSET 0) l ORDER BY i.o));
END $$;
COMMENT ON FUNCTION sft_api.kubernetes_cluster_group_list(sft.request) IS 'Which groups use which clusters, by group. Refuses: count_format, offset_format.';

CREATE FUNCTION sft_api.kubernetes_cluster_group_create(req sft.request) RETURNS sft.response
LANGUAGE plpgsql AS $$
DECLARE
    who    sft.actor := req.actor;
    wanted text := coalesce(sft_core.maybe_selector(req.body, 'cluster_selector'), '');
    g      sft.kubernetes_cluster_groups;
BEGIN
    INSERT INTO sft.kubernetes_cluster_groups AS x (team_id, group_id, cluster_selector, cluster_match, claims)
    VALUES (who.team_id, sft_core.group_id(who.team_id, sft_core.need_text(req.body, 'group_name')), wanted,
        sft_core.selector_path(sft_core.selector_parse('cluster_selector', wanted)), sft_core.claims_of(req.body)) RETURNING x.* INTO g;
    PERFORM sft_core.note(who, who.team_id, 'kubernetes_cluster_group.create', sft_core.kubernetes_cluster_group_json(g));
    RETURN sft_core.reply(201, sft_core.kubernetes_cluster_group_json(g));
END $$;
COMMENT ON FUNCTION sft_api.kubernetes_cluster_group_create(sft.request) IS 'Says that a group uses clusters. Refuses: group_name_missing, group_unknown, cluster_selector_format, claims_format.';

CREATE FUNCTION sft_api.kubernetes_cluster_group_show(req sft.request) RETURNS sft.response
LANGUAGE plpgsql STABLE AS $$
BEGIN
    RETURN sft_core.reply(200, sft_core.kubernetes_cluster_group_json(sft_core.kubernetes_cluster_group_of(req.actor, req.params[2])));
END $$;
COMMENT ON FUNCTION sft_api.kubernetes_cluster_group_show(sft.request) IS 'A cluster group. Refuses: kubernetes_cluster_group_unknown.';

CREATE FUNCTION sft_api.kubernetes_cluster_group_update(req sft.request) RETURNS sft.response
LANGUAGE plpgsql AS $$
DECLARE
    g      sft.kubernetes_cluster_groups := sft_core.kubernetes_cluster_group_of(req.actor, req.params[2]);
    wanted text := CASE WHEN req.body ? 'cluster_selector' THEN coalesce(sft_core.maybe_selector(req.body, 'cluster_selector'), '') ELSE g.cluster_selector END;
BEGIN
    UPDATE sft.kubernetes_cluster_groups x SET cluster_selector = wanted, cluster_match = sft_core.selector_path(sft_core.selector_parse('cluster_selector', wanted)),
           claims = CASE WHEN req.body ? 'claims' THEN sft_core.claims_of(req.body) ELSE x.claims END
     WHERE x.team_id = g.team_id AND x.id = g.id RETURNING x.* INTO g;
    PERFORM sft_core.note(req.actor, g.team_id, 'kubernetes_cluster_group.update', sft_core.kubernetes_cluster_group_json(g));
    RETURN sft_core.reply(204);
END $$;
COMMENT ON FUNCTION sft_api.kubernetes_cluster_group_update(sft.request) IS 'Changes a cluster group''s selector and claims. Refuses: kubernetes_cluster_group_unknown, cluster_selector_format, claims_format.';

CREATE FUNCTION sft_api.kubernetes_cluster_group_delete(req sft.request) RETURNS sft.response
LANGUAGE plpgsql AS $$
DECLARE
    g sft.kubernetes_cluster_groups := sft_core.kubernetes_cluster_group_of(req.actor, req.params[2]);
BEGIN
    DELETE FROM sft.kubernetes_cluster_groups x WHERE x.team_id = g.team_id AND x.id = g.id;
    PERFORM sft_core.note(req.actor, g.team_id, 'kubernetes_cluster_group.delete', sft_core.kubernetes_cluster_group_json(g));
    RETURN sft_core.reply(204);
END $$;
COMMENT ON FUNCTION sft_api.kubernetes_cluster_group_delete(sft.request) IS 'Ends a cluster group. Refuses: kubernetes_cluster_group_unknown.';

INSERT INTO sft_core.routes (method, path, max_body, auth, roles, product, proc) VALUES
    ('GET',    '/v1/teams/{team}/kubernetes/clusters',                 0, 'member', '{access_admin,access_user,reporting_user}', true, 'kubernetes_cluster_list'),
    ('POST',   '/v1/teams/{team}/kubernetes/clusters',             65536, 'member', '{access_admin}', true, 'kubernetes_cluster_create'),
    ('GET',    '/v1/teams/{team}/kubernetes/clusters/{id}',            0, 'member', '{access_admin,access_user,reporting_user}', true, 'kubernetes_cluster_show'),
    ('PUT',    '/v1/teams/{team}/kubernetes/clusters/{id}',        65536, 'member', '{access_admin}', true, 'kubernetes_cluster_update'),
    ('DELETE', '/v1/teams/{team}/kubernetes/clusters/{id}',         4096, 'member', '{access_admin}', true, 'kubernetes_cluster_delete'),
    ('GET',    '/v1/teams/{team}/kubernetes/cluster_groups',           0, 'member', '{access_admin,access_user,reporting_user}', true, 'kubernetes_cluster_group_list'),
    ('POST',   '/v1/teams/{team}/kubernetes/cluster_groups',       65536, 'member', '{access_admin}', true, 'kubernetes_cluster_group_create'),
    ('GET',    '/v1/teams/{team}/kubernetes/cluster_groups/{id}',      0, 'member', '{access_admin,access_user,reporting_user}', true, 'kubernetes_cluster_group_show'),
    ('PUT',    '/v1/teams/{team}/kubernetes/cluster_groups/{id}',  65536, 'member', '{access_admin}', true, 'kubernetes_cluster_group_update'),
    ('DELETE', '/v1/teams/{team}/kubernetes/cluster_groups/{id}',   4096, 'member', '{access_admin}', true, 'kubernetes_cluster_group_delete');
