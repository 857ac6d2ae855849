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
