-- SPDX-License-Identifier: PostgreSQL
-- pg_sftca--1.0--1.1.sql - from the vault's first release to its second. Version 1.0 is never edited again.
-- Complain if this is sourced in psql rather than by ALTER or CREATE EXTENSION.
\echo Use "ALTER EXTENSION pg_sftca UPDATE TO '1.1'" to load this file. \quit

-- == authorities and generations ==

-- == keys and the key-encryption key ==

-- == SSH ==

CREATE FUNCTION sftca.parse_certificate(certificate text, OUT type text, OUT kind text, OUT serial numeric, OUT key_id text,
    OUT principals text[], OUT valid_after timestamptz, OUT valid_before timestamptz, OUT critical_options jsonb, OUT extensions jsonb,
    OUT public_key text, OUT fingerprint text, OUT authority_key text, OUT authority_fingerprint text,
    OUT signature_algorithm text, OUT is_verified boolean, OUT nonce bytea)
LANGUAGE c STRICT IMMUTABLE PARALLEL SAFE AS 'MODULE_PATHNAME', 'sftca_parse_certificate';
COMMENT ON FUNCTION sftca.parse_certificate(text) IS
'What is in an OpenSSH certificate ("type base64", at most 64 KiB), whoever made it. Kind is user or host; from ever is -infinity, for ever infinity; an option''s value that is no text is {"hex": …}. '
'is_verified is true, or NULL for a signature that counts for nothing (SHA-1, a FIDO authority). Refuses: certificate_malformed, certificate_signature_invalid, certificate_key_type, certificate_key_weak, '
'certificate_key_point, certificate_chained, certificate_option_repeated, certificate_text.';

CREATE FUNCTION sftca.parse_certificate(certificate bytea, OUT type text, OUT kind text, OUT serial numeric, OUT key_id text,
    OUT principals text[], OUT valid_after timestamptz, OUT valid_before timestamptz, OUT critical_options jsonb, OUT extensions jsonb,
    OUT public_key text, OUT fingerprint text, OUT authority_key text, OUT authority_fingerprint text,
    OUT signature_algorithm text, OUT is_verified boolean, OUT nonce bytea)
LANGUAGE c STRICT IMMUTABLE PARALLEL SAFE AS 'MODULE_PATHNAME', 'sftca_parse_certificate_bytes';
COMMENT ON FUNCTION sftca.parse_certificate(bytea) IS 'The same of a certificate''s bytes, without base64.';

CREATE FUNCTION sftca.certificate_refusal(certificate text, authorities text[], kind text, principal text, at timestamptz,
    krl bytea, address text, any_principal boolean) RETURNS text
LANGUAGE c IMMUTABLE PARALLEL SAFE AS 'MODULE_PATHNAME', 'sftca_certificate_refusal';
COMMENT ON FUNCTION sftca.certificate_refusal(text, text[], text, text, timestamptz, bytea, text, boolean) IS
'What verify_certificate is made of. Refuses: certificate_kind, public_key_malformed and its kin (an authority''s line), list_malformed, argument_missing, validity_unbounded.';

CREATE FUNCTION sftca.verify_certificate(certificate text, authorities text, principal text, at timestamptz DEFAULT NULL,
    krl bytea DEFAULT NULL, address inet DEFAULT NULL, kind text DEFAULT 'user', any_principal boolean DEFAULT false) RETURNS text
LANGUAGE plpgsql STABLE PARALLEL SAFE SET search_path = pg_catalog, pg_temp AS $$
BEGIN
    IF authorities IS NULL THEN
        PERFORM sftca.refuse('22023', 'argument_missing', 'authorities is missing');
    END IF;
    RETURN sftca.certificate_refusal(certificate,
        ARRAY(SELECT btrim(l, E' \r') FROM regexp_split_to_table(authorities, E'\n') l WHERE btrim(l, E' \r') !~ '^(#|$)'),
        kind, principal, coalesce(at, clock_timestamp()), krl, host(address), any_principal);
END $$;
COMMENT ON FUNCTION sftca.verify_certificate(text, text, text, timestamptz, bytea, inet, text, boolean) IS
'Whether sshd (kind user) or ssh (kind host) would take an SSH certificate: NULL, or why not. authorities: lines of a TrustedUserCAKeys file; principal NULL: any of its list; at NULL: now; '
'any_principal: one without a list is everybody''s. Says: certificate_malformed, not_trusted, signature_invalid, signature_algorithm, krl_malformed, krl_empty, revoked, certificate_type, not_yet_valid, expired, '
'principal_missing, principal_not_listed, critical_option_unknown, critical_option_invalid, address_not_allowed, extension_invalid. Refuses: certificate_kind, public_key_malformed and its kin, argument_missing.';

CREATE FUNCTION sftca.verify_certificate(certificate text, authority uuid, principal text, at timestamptz DEFAULT NULL,
    krl bytea DEFAULT NULL, address inet DEFAULT NULL, any_principal boolean DEFAULT false) RETURNS text
LANGUAGE plpgsql STABLE PARALLEL UNSAFE SECURITY DEFINER SET search_path = pg_catalog, pg_temp AS $$
DECLARE
    found_purpose text;
BEGIN
    SELECT a.purpose INTO found_purpose FROM sftca.authorities a WHERE a.id = authority AND a.purpose IN ('ssh_user', 'ssh_host');
    IF NOT FOUND THEN
        PERFORM sftca.refuse('SF404', 'authority_unknown', 'There is no such SSH authority.');
    END IF;
    RETURN sftca.certificate_refusal(certificate,
        ARRAY(SELECT k.public_key FROM sftca.authority_keys k WHERE k.authority_id = authority AND k.state <> 'retired'),
        substr(found_purpose, 5), principal, coalesce(at, clock_timestamp()), coalesce(krl, sftca.krl(authority)), host(address), any_principal);
END $$;
COMMENT ON FUNCTION sftca.verify_certificate(text, uuid, text, timestamptz, bytea, inet, boolean) IS
'The same against an authority of this vault: its keys in trust, its own revocation list unless another is given. Refuses: authority_unknown.';

CREATE FUNCTION sftca.parse_krl(krl bytea, OUT section text, OUT authority_key text, OUT serial_from numeric, OUT serial_to numeric,
    OUT key_id text, OUT public_key text, OUT fingerprint text, OUT version numeric, OUT generated_at timestamptz, OUT comment text)
RETURNS SETOF record
LANGUAGE c STRICT IMMUTABLE PARALLEL SAFE AS 'MODULE_PATHNAME', 'sftca_parse_krl';
COMMENT ON FUNCTION sftca.parse_krl(bytea) IS
'The entries of an OpenSSH revocation list: serials (of an authority''s key, or of any), key_id, key, sha256, sha1; each with the list''s version, date and comment. Refuses: krl_malformed, krl_empty, krl_text.';

CREATE FUNCTION sftca.krl_revokes(krl bytea, subject text, OUT revoked boolean, OUT why text)
LANGUAGE c STRICT IMMUTABLE PARALLEL SAFE AS 'MODULE_PATHNAME', 'sftca_krl_revokes';
COMMENT ON FUNCTION sftca.krl_revokes(bytea, text) IS
'Whether a revocation list revokes a certificate or a public key, as ssh-keygen -Q says, and why: serial, key_id, key, fingerprint, authority. Refuses: krl_malformed, krl_empty, certificate_malformed, public_key_malformed and its kin.';

CREATE TABLE sftca.name_revocations (
    id           uuid NOT NULL DEFAULT pg_catalog.gen_random_uuid() CONSTRAINT name_revocation_taken PRIMARY KEY,
    authority_id uuid CONSTRAINT name_revocation_authority_unknown REFERENCES sftca.authorities (id),
    key_id       text CONSTRAINT revocation_key_id_invalid CHECK (key_id ~ '^[ -~]+$' AND pg_catalog.length(key_id) <= 1024),
    fingerprint  text CONSTRAINT revocation_fingerprint_invalid CHECK (fingerprint ~ '^SHA256:[A-Za-z0-9+/]{42}[AEIMQUYcgkosw048]$'),
    public_key   text,
    reason       text NOT NULL CONSTRAINT name_revocation_reason_invalid CHECK (pg_catalog.length(reason) BETWEEN 1 AND 1000),
    revoked_at   timestamptz NOT NULL DEFAULT pg_catalog.now(),
    expires_at   timestamptz NOT NULL,
    CONSTRAINT revocation_name_one CHECK ((key_id IS NULL) <> (fingerprint IS NULL) AND (key_id IS NULL) = (authority_id IS NULL)
        AND (public_key IS NULL OR fingerprint IS NOT NULL))
);
SELECT pg_catalog.pg_extension_config_dump('sftca.name_revocations', '');
CREATE INDEX name_revocations_key_id ON sftca.name_revocations (authority_id, key_id, expires_at);
CREATE INDEX name_revocations_fingerprint ON sftca.name_revocations (fingerprint, expires_at);
COMMENT ON TABLE sftca.name_revocations IS 'Key ids of an authority, and subjects'' keys, that are no longer good, whatever serial they have.';
COMMENT ON COLUMN sftca.name_revocations.authority_id IS 'A key id is one authority''s; a key is revoked for all, NULL.';
COMMENT ON COLUMN sftca.name_revocations.key_id IS 'X.509: the URI.';
COMMENT ON COLUMN sftca.name_revocations.public_key IS 'The key itself, when it was given and not its fingerprint alone.';
COMMENT ON COLUMN sftca.name_revocations.expires_at IS 'The lists name it until then; what was recorded before then is never signed.';
COMMENT ON CONSTRAINT name_revocation_taken ON sftca.name_revocations IS 'There is such a revocation already.';
COMMENT ON CONSTRAINT name_revocation_authority_unknown ON sftca.name_revocations IS 'There is no such authority.';
COMMENT ON CONSTRAINT revocation_key_id_invalid ON sftca.name_revocations IS 'A revoked key id is one line of 1 to 1024 ASCII characters.';
COMMENT ON CONSTRAINT revocation_fingerprint_invalid ON sftca.name_revocations IS 'A fingerprint is SHA256: and 43 characters of base64.';
COMMENT ON CONSTRAINT name_revocation_reason_invalid ON sftca.name_revocations IS 'A revocation has a reason of at most 1000 characters.';
COMMENT ON CONSTRAINT revocation_name_one ON sftca.name_revocations IS 'A revocation names a key id of an authority, or a key.';

CREATE FUNCTION sftca.revocation_end(until timestamptz, shortest interval, standard timestamptz) RETURNS timestamptz
LANGUAGE plpgsql STABLE SET search_path = pg_catalog, pg_temp AS $$
BEGIN
    IF until < now() + shortest THEN
        PERFORM sftca.refuse('22023', 'revocation_too_short', format('until is before the last certificate that it may concern has expired: %s', now() + shortest));
    END IF;
    RETURN coalesce(until, standard);
END $$;
COMMENT ON FUNCTION sftca.revocation_end(timestamptz, interval, timestamptz) IS 'When a revocation by name ends. Refuses: revocation_too_short.';

CREATE FUNCTION sftca.revoke_key_id(authority uuid, key_id text, reason text, until timestamptz DEFAULT NULL) RETURNS bigint
LANGUAGE plpgsql VOLATILE PARALLEL UNSAFE SECURITY DEFINER SET search_path = pg_catalog, pg_temp AS $$
DECLARE
    found_purpose text;
    life interval;
    version bigint;
BEGIN
    PERFORM sftca.commit_durably();
    IF key_id IS NULL THEN
        PERFORM sftca.refuse('22023', 'argument_missing', 'key_id is missing');
    END IF;
    SELECT a.purpose INTO found_purpose FROM sftca.authorities a WHERE a.id = authority AND a.purpose <> 'statement';
    IF NOT FOUND THEN
        PERFORM sftca.refuse('SF404', 'authority_unknown', 'There is no such authority.');
    END IF;
    -- no certificate that is recorded by now lives longer (prepare.c)
    life := CASE found_purpose WHEN 'ssh_user' THEN interval '3 days' WHEN 'ssh_host' THEN interval '33 days' ELSE interval '400 days' END;
    version := coalesce(sftca.krl_changed(authority), 0);
    INSERT INTO sftca.name_revocations (authority_id, key_id, reason, expires_at)
    VALUES (authority, key_id, reason, sftca.revocation_end(until, life, now() + life));
    RETURN version;
END $$;
COMMENT ON FUNCTION sftca.revoke_key_id(uuid, text, text, timestamptz) IS
'Revokes every certificate of an authority that has this key id (X.509: this URI), signed or recorded until then; by default until none of today''s can be alive (3 days, hosts 33, X.509 400). '
'Returns the new version of the revocation list (0 for X.509). Refuses: argument_missing, authority_unknown, revocation_too_short, revocation_key_id_invalid, name_revocation_reason_invalid.';

CREATE FUNCTION sftca.revoke_key(key text, reason text, until timestamptz DEFAULT 'infinity') RETURNS text
LANGUAGE plpgsql VOLATILE PARALLEL UNSAFE SECURITY DEFINER SET search_path = pg_catalog, pg_temp AS $$
DECLARE
    parsed record;
    print text := key;
    whole text;
BEGIN
    PERFORM sftca.commit_durably();
    IF key IS NULL OR key !~ '^SHA256:' THEN
        parsed := sftca.parse_public_key(key);
        print := parsed.fingerprint;
        whole := parsed.type || ' ' || translate(encode(parsed.blob, 'base64'), E'\n', '');
    END IF;
    IF EXISTS (SELECT FROM sftca.authority_keys k WHERE k.fingerprint = print) THEN
        PERFORM sftca.refuse('22023', 'public_key_is_authority', 'An authority''s own key is retired, not revoked.');
    END IF;
    INSERT INTO sftca.name_revocations (fingerprint, public_key, reason, expires_at)
    VALUES (print, whole, reason, sftca.revocation_end(until, interval '400 days', 'infinity'));
    -- every list changes; their rows are locked in one order
    PERFORM sftca.krl_changed(l.authority_id) FROM (SELECT v.authority_id FROM sftca.krl_versions v ORDER BY 1 FOR UPDATE) l;
    RETURN print;
END $$;
COMMENT ON FUNCTION sftca.revoke_key(text, text, timestamptz) IS
'Revokes a subject''s key, whoever certified it and whatever is recorded for it until then, by default for ever: a public key, or its fingerprint "SHA256:…". Counts every SSH authority''s list up; returns the fingerprint. '
'Refuses: public_key_malformed and its kin, public_key_is_authority, revocation_fingerprint_invalid, revocation_too_short, name_revocation_reason_invalid, argument_missing.';

CREATE FUNCTION sftca.krl_compose(version bigint, generated timestamptz, keys text[], lows bigint[], highs bigint[],
    key_ids text[], revoked_keys text[], hashes text[]) RETURNS bytea
LANGUAGE c IMMUTABLE PARALLEL SAFE AS 'MODULE_PATHNAME', 'sftca_krl_compose';
COMMENT ON FUNCTION sftca.krl_compose(bigint, timestamptz, text[], bigint[], bigint[], text[], text[], text[]) IS
'The bytes of a revocation list; the last three may be NULL, the others not.';

CREATE OR REPLACE FUNCTION sftca.krl(authority uuid) RETURNS bytea
LANGUAGE plpgsql STABLE SECURITY DEFINER SET search_path = pg_catalog, pg_temp AS $$
DECLARE
    newest sftca.krl_versions;
    public_keys text[];
    lows bigint[];
    highs bigint[];
    key_ids text[];
    keys text[];
    hashes text[];
BEGIN
    SELECT * INTO newest FROM sftca.krl_versions v WHERE v.authority_id = authority;
    IF NOT FOUND THEN
        PERFORM sftca.refuse('SF404', 'authority_unknown', 'There is no such SSH authority.');
    END IF;
    SELECT array_agg(k.public_key ORDER BY k.generation) INTO public_keys
      FROM sftca.authority_keys k WHERE k.authority_id = authority AND k.state <> 'retired';
    -- ranges sorted and merged, both ends inclusive in the list; numeric, for the last bigint has no successor
    SELECT array_agg(lower(r)::bigint), array_agg((upper(r) - 1)::bigint) INTO lows, highs
      FROM unnest((SELECT range_agg(numrange(s.first, s.last::numeric + 1)) FROM (
               SELECT k.canary_serial AS first, k.canary_serial AS last
                 FROM sftca.authority_keys k WHERE k.authority_id = authority AND k.state <> 'retired'
               UNION ALL
               SELECT v.serial_from, v.serial_to
                 FROM sftca.revocations v WHERE v.authority_id = authority AND v.expires_at > now()) s)) r;
    SELECT array_agg(DISTINCT n.key_id COLLATE "C") INTO key_ids
      FROM sftca.name_revocations n WHERE n.authority_id = authority AND n.expires_at > now();
    SELECT array_agg(DISTINCT n.public_key COLLATE "C"), array_agg(DISTINCT n.fingerprint COLLATE "C") FILTER (WHERE n.public_key IS NULL) INTO keys, hashes
      FROM sftca.name_revocations n WHERE n.authority_id IS NULL AND n.expires_at > now();
    RETURN sftca.krl_compose(newest.version, newest.changed_at, public_keys, lows, highs, key_ids, array_remove(keys, NULL), hashes);
END $$;
COMMENT ON FUNCTION sftca.krl(uuid) IS
'An OpenSSH revocation list with every canary and every revocation that can still matter: serials, key ids, keys, fingerprints. Refuses: authority_unknown.';

-- krl_write of 1.0 is called by nobody any more. No function is dropped: a dump of 1.0 has the grants that were made on it.
COMMENT ON FUNCTION sftca.krl_write(bigint, timestamptz, text[], bigint[], bigint[]) IS 'The bytes of a revocation list, as of 1.0.';

-- == X.509 ==

-- == verification ==

-- == keeping house ==

-- == rights ==

-- Only what is new, which the public may call. A REVOKE on all would note the rights that this database has given meanwhile as the ones
-- that the extension came with (pg_init_privs), and a dump would then leave them out.
DO $$
DECLARE
    one text;
BEGIN
    FOR one IN
        SELECT pg_catalog.format('TABLE %s', c.oid::pg_catalog.regclass) FROM pg_catalog.pg_class c
         WHERE c.relnamespace = 'sftca'::pg_catalog.regnamespace AND c.relkind IN ('r', 'v') AND c.relacl IS NULL
        UNION ALL
        SELECT pg_catalog.format('FUNCTION %s', p.oid::pg_catalog.regprocedure) FROM pg_catalog.pg_proc p
         WHERE p.pronamespace = 'sftca'::pg_catalog.regnamespace
           AND EXISTS (SELECT FROM pg_catalog.aclexplode(coalesce(p.proacl, pg_catalog.acldefault('f', p.proowner))) a WHERE a.grantee = 0)
    LOOP
        EXECUTE 'REVOKE ALL ON ' || one || ' FROM PUBLIC';
    END LOOP;
END $$;
