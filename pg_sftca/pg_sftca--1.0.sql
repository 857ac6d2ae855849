-- SPDX-License-Identifier: PostgreSQL
-- pg_sftca 1.0 - the vault: authorities, sealed keys, certificate records, signatures.
--
-- Tables first (each marked for pg_dump right below it), then functions noun by noun, rights last.
-- No sequences, no triggers, no cycles of foreign keys: none of them survives a dump of an extension.

\echo Use "CREATE EXTENSION pg_sftca" to load this file. \quit

-- Tables ---------------------------------------------------------------------------------------

CREATE TABLE sftca.authorities (
    id         uuid NOT NULL DEFAULT pg_catalog.gen_random_uuid() CONSTRAINT authority_taken PRIMARY KEY,
    purpose    text NOT NULL CONSTRAINT authority_purpose CHECK (purpose IN ('ssh_user', 'ssh_host', 'x509', 'statement')),
    algorithm  text NOT NULL CONSTRAINT algorithm_unsupported CHECK (algorithm IN ('ed25519', 'ecdsa-p256', 'ecdsa-p384', 'ecdsa-p521')
                   OR CASE WHEN algorithm ~ '^rsa-[0-9]{4}$'
                           THEN pg_catalog.substr(algorithm, 5)::int BETWEEN 2048 AND 8192 AND pg_catalog.substr(algorithm, 5)::int % 8 = 0 ELSE false END),
    name       text NOT NULL DEFAULT '' CONSTRAINT authority_name_invalid CHECK (name ~ '^[ -~]{0,128}$'),
    created_at timestamptz NOT NULL DEFAULT pg_catalog.now()
);
SELECT pg_catalog.pg_extension_config_dump('sftca.authorities', '');
COMMENT ON TABLE sftca.authorities IS 'Who signs: one row for each certificate authority, and one for the statement key.';
COMMENT ON CONSTRAINT authority_taken ON sftca.authorities IS 'There is such an authority already.';
COMMENT ON CONSTRAINT authority_purpose ON sftca.authorities IS 'The purpose of an authority is ssh_user, ssh_host, x509 or statement.';
COMMENT ON CONSTRAINT algorithm_unsupported ON sftca.authorities IS 'The algorithm of an authority is ed25519, ecdsa-p256, ecdsa-p384, ecdsa-p521, or rsa-2048 to rsa-8192 in steps of 8.';
COMMENT ON CONSTRAINT authority_name_invalid ON sftca.authorities IS 'An authority''s name is one line of at most 128 characters.';

CREATE UNIQUE INDEX statement_key_exists ON sftca.authorities (purpose) WHERE purpose = 'statement';

CREATE TABLE sftca.authority_keys (
    authority_id    uuid NOT NULL CONSTRAINT authority_unknown REFERENCES sftca.authorities (id),
    generation      int NOT NULL CONSTRAINT generation_positive CHECK (generation > 0),
    state           text NOT NULL CONSTRAINT key_state CHECK (state IN ('next', 'active', 'retiring', 'retired')),
    public_key      text NOT NULL,
    fingerprint     text NOT NULL CONSTRAINT key_taken UNIQUE,
    certificate_pem text,
    canary          text,
    canary_serial   bigint,
    created_at      timestamptz NOT NULL DEFAULT pg_catalog.now(),
    activated_at    timestamptz,
    retiring_at     timestamptz,
    retired_at      timestamptz,
    CONSTRAINT generation_taken PRIMARY KEY (authority_id, generation)
);
SELECT pg_catalog.pg_extension_config_dump('sftca.authority_keys', '');
COMMENT ON TABLE sftca.authority_keys IS 'The public half of each generation of an authority''s key.';
COMMENT ON COLUMN sftca.authority_keys.canary IS 'A certificate on a key that nobody keeps, one second of 1970, always revoked.';
COMMENT ON CONSTRAINT authority_unknown ON sftca.authority_keys IS 'There is no such authority.';
COMMENT ON CONSTRAINT generation_positive ON sftca.authority_keys IS 'Generations count from 1.';
COMMENT ON CONSTRAINT key_state ON sftca.authority_keys IS 'A key is next, active, retiring or retired.';
COMMENT ON CONSTRAINT key_taken ON sftca.authority_keys IS 'No two generations have the same key.';
COMMENT ON CONSTRAINT generation_taken ON sftca.authority_keys IS 'There is such a generation already.';

CREATE UNIQUE INDEX key_next_exists ON sftca.authority_keys (authority_id) WHERE state = 'next';
CREATE UNIQUE INDEX key_active_exists ON sftca.authority_keys (authority_id) WHERE state = 'active';

CREATE TABLE sftca.sealed_keys (
    authority_id uuid NOT NULL,
    generation   int NOT NULL,
    sealed       bytea NOT NULL,
    kek_check    bytea NOT NULL,
    CONSTRAINT sealed_key_taken PRIMARY KEY (authority_id, generation),
    CONSTRAINT generation_unknown FOREIGN KEY (authority_id, generation) REFERENCES sftca.authority_keys (authority_id, generation)
);
SELECT pg_catalog.pg_extension_config_dump('sftca.sealed_keys', '');
COMMENT ON TABLE sftca.sealed_keys IS 'Private keys, sealed under the key-encryption key; gone when a generation is retired.';
COMMENT ON COLUMN sftca.sealed_keys.kek_check IS 'Tells a wrong key-encryption key from a damaged row.';
COMMENT ON CONSTRAINT sealed_key_taken ON sftca.sealed_keys IS 'There is such a sealed key already.';
COMMENT ON CONSTRAINT generation_unknown ON sftca.sealed_keys IS 'There is no such generation.';

CREATE TABLE sftca.vault_secret (
    single    boolean NOT NULL DEFAULT true CONSTRAINT vault_secret_exists PRIMARY KEY CONSTRAINT vault_secret_single CHECK (single),
    sealed    bytea NOT NULL,
    kek_check bytea NOT NULL
);
SELECT pg_catalog.pg_extension_config_dump('sftca.vault_secret', '');
COMMENT ON TABLE sftca.vault_secret IS 'The secret, sealed, from which tokens'' secrets are computed; made at first use.';
COMMENT ON CONSTRAINT vault_secret_exists ON sftca.vault_secret IS 'The vault has its secret already.';
COMMENT ON CONSTRAINT vault_secret_single ON sftca.vault_secret IS 'There is one vault secret.';

-- The ledger. No foreign keys: it outlives what it tells of. Written by prepare_* alone, never changed; they check
-- more than constraints could, and constraints that are set up anew for each insert cost a seventh of it.
CREATE TABLE sftca.certificates (
    id               uuid NOT NULL CONSTRAINT certificate_id_taken PRIMARY KEY,
    serial           bigint NOT NULL CONSTRAINT certificate_serial_taken UNIQUE,
    authority_id     uuid NOT NULL,
    generation       int NOT NULL,
    kind             text NOT NULL,
    tbs              bytea NOT NULL,
    key_id           text NOT NULL,
    principals       text[] NOT NULL,
    critical_options text[] NOT NULL,
    extensions       text[] NOT NULL,
    fingerprint      text NOT NULL,
    valid_after      timestamptz NOT NULL,
    valid_before     timestamptz NOT NULL,
    recorded_in      xid8 NOT NULL DEFAULT pg_catalog.pg_current_xact_id(),
    recorded_at      timestamptz NOT NULL DEFAULT pg_catalog.now()
);
SELECT pg_catalog.pg_extension_config_dump('sftca.certificates', '');
COMMENT ON TABLE sftca.certificates IS 'What was recorded to be signed, to the last byte. A certificate exists only for a committed row.';
COMMENT ON COLUMN sftca.certificates.kind IS 'ssh_user, ssh_host or x509_client.';
COMMENT ON COLUMN sftca.certificates.tbs IS 'The bytes that are signed, nonce and serial included.';
COMMENT ON COLUMN sftca.certificates.key_id IS 'SSH: the key id. X.509: the URI.';
COMMENT ON COLUMN sftca.certificates.principals IS 'SSH: the principals. X.509: the common name.';
COMMENT ON COLUMN sftca.certificates.extensions IS 'SSH: name or name=value. X.509: organization=… and organizational_unit=….';
COMMENT ON COLUMN sftca.certificates.fingerprint IS 'Of the subject''s public key.';
COMMENT ON COLUMN sftca.certificates.recorded_in IS 'The transaction that recorded it; never named in an INSERT.';
COMMENT ON CONSTRAINT certificate_id_taken ON sftca.certificates IS 'This id has been used for another certificate.';
COMMENT ON CONSTRAINT certificate_serial_taken ON sftca.certificates IS 'This serial has been used.';

CREATE TABLE sftca.revocations (
    id           uuid NOT NULL DEFAULT pg_catalog.gen_random_uuid() CONSTRAINT revocation_taken PRIMARY KEY,
    authority_id uuid NOT NULL CONSTRAINT revocation_authority_unknown REFERENCES sftca.authorities (id),
    serial_from  bigint NOT NULL CONSTRAINT revocation_serial_positive CHECK (serial_from > 0),
    serial_to    bigint NOT NULL,
    reason       text NOT NULL CONSTRAINT revocation_reason_invalid CHECK (pg_catalog.length(reason) BETWEEN 1 AND 1000),
    revoked_at   timestamptz NOT NULL DEFAULT pg_catalog.now(),
    expires_at   timestamptz NOT NULL,
    CONSTRAINT revocation_range CHECK (serial_from <= serial_to)
);
SELECT pg_catalog.pg_extension_config_dump('sftca.revocations', '');
CREATE INDEX revocations_serial_to ON sftca.revocations (authority_id, serial_to, serial_from);
COMMENT ON TABLE sftca.revocations IS 'Ranges of serials that are no longer good, or that must never be signed.';
COMMENT ON COLUMN sftca.revocations.expires_at IS 'When no certificate of the range can be alive any more; the list then leaves it out.';
COMMENT ON CONSTRAINT revocation_taken ON sftca.revocations IS 'There is such a revocation already.';
COMMENT ON CONSTRAINT revocation_authority_unknown ON sftca.revocations IS 'There is no such authority.';
COMMENT ON CONSTRAINT revocation_serial_positive ON sftca.revocations IS 'Serials are positive.';
COMMENT ON CONSTRAINT revocation_reason_invalid ON sftca.revocations IS 'A revocation has a reason of at most 1000 characters.';
COMMENT ON CONSTRAINT revocation_range ON sftca.revocations IS 'A range of serials begins before it ends.';

CREATE TABLE sftca.krl_versions (
    authority_id uuid NOT NULL CONSTRAINT krl_version_exists PRIMARY KEY CONSTRAINT krl_authority_unknown REFERENCES sftca.authorities (id),
    version      bigint NOT NULL,
    changed_at   timestamptz NOT NULL DEFAULT pg_catalog.now()
);
SELECT pg_catalog.pg_extension_config_dump('sftca.krl_versions', '');
COMMENT ON TABLE sftca.krl_versions IS 'Which revocation list of an authority is the newest. Its row lock puts revocations in order.';
COMMENT ON CONSTRAINT krl_version_exists ON sftca.krl_versions IS 'The authority has a revocation list already.';
COMMENT ON CONSTRAINT krl_authority_unknown ON sftca.krl_versions IS 'There is no such authority.';

CREATE VIEW sftca.keys AS
    SELECT k.authority_id, k.generation, a.purpose, a.algorithm, a.name, k.state, k.public_key, k.fingerprint,
           k.certificate_pem, k.canary, k.created_at, k.activated_at, k.retiring_at, k.retired_at
      FROM sftca.authority_keys k JOIN sftca.authorities a ON a.id = k.authority_id;
COMMENT ON VIEW sftca.keys IS 'Every generation of every authority; public parts only.';

-- Refusing -------------------------------------------------------------------------------------

CREATE FUNCTION sftca.refuse(state text, word text, message text) RETURNS void
LANGUAGE plpgsql SET search_path = pg_catalog, pg_temp AS $$
BEGIN
    RAISE EXCEPTION USING ERRCODE = state, CONSTRAINT = word, MESSAGE = message;
END $$;
COMMENT ON FUNCTION sftca.refuse(text, text, text) IS 'Raises a refusal with its error word.';

CREATE FUNCTION sftca.commit_durably() RETURNS void
LANGUAGE c VOLATILE PARALLEL UNSAFE AS 'MODULE_PATHNAME', 'sftca_commit_durably';
COMMENT ON FUNCTION sftca.commit_durably() IS 'From here on this transaction reaches the disk, and the standbys that are required, or fails. Refuses at the commit: not_durable.';

-- Authorities and their keys -------------------------------------------------------------------

CREATE FUNCTION sftca.key_generate(authority uuid, generation int, purpose text, algorithm text,
    OUT public_key text, OUT fingerprint text, OUT sealed bytea, OUT kek_check bytea,
    OUT certificate_pem text, OUT canary text, OUT canary_serial bigint)
LANGUAGE c VOLATILE PARALLEL UNSAFE AS 'MODULE_PATHNAME', 'sftca_key_generate';
COMMENT ON FUNCTION sftca.key_generate(uuid, int, text, text) IS 'A new key pair, born sealed. Refuses: kek_missing, algorithm_unsupported.';

CREATE FUNCTION sftca.key_make(authority uuid, new_generation int, new_state text) RETURNS void
LANGUAGE plpgsql VOLATILE PARALLEL UNSAFE SET search_path = pg_catalog, pg_temp AS $$
DECLARE
    owner sftca.authorities;
    made record;
BEGIN
    PERFORM sftca.commit_durably();
    SELECT * INTO STRICT owner FROM sftca.authorities a WHERE a.id = authority;
    made := sftca.key_generate(authority, new_generation, owner.purpose, owner.algorithm);
    INSERT INTO sftca.authority_keys (authority_id, generation, state, public_key, fingerprint, certificate_pem,
                                      canary, canary_serial, activated_at)
    VALUES (authority, new_generation, new_state, made.public_key, made.fingerprint, made.certificate_pem,
            made.canary, made.canary_serial, CASE new_state WHEN 'active' THEN now() END);
    INSERT INTO sftca.sealed_keys (authority_id, generation, sealed, kek_check)
    VALUES (authority, new_generation, made.sealed, made.kek_check);
END $$;
COMMENT ON FUNCTION sftca.key_make(uuid, int, text) IS 'Makes a generation and stores both halves.';

CREATE FUNCTION sftca.authority_create(purpose text, algorithm text DEFAULT NULL, name text DEFAULT '') RETURNS uuid
LANGUAGE plpgsql VOLATILE PARALLEL UNSAFE SECURITY DEFINER SET search_path = pg_catalog, pg_temp AS $$
DECLARE
    made uuid;
BEGIN
    INSERT INTO sftca.authorities (purpose, algorithm, name)
    VALUES (purpose, coalesce(algorithm, CASE purpose WHEN 'x509' THEN 'ecdsa-p256' ELSE 'ed25519' END), coalesce(name, ''))
    RETURNING id INTO made;
    PERFORM sftca.key_make(made, 1, 'active');
    IF purpose IN ('ssh_user', 'ssh_host') THEN
        INSERT INTO sftca.krl_versions (authority_id, version) VALUES (made, 1);
    END IF;
    RETURN made;
END $$;
COMMENT ON FUNCTION sftca.authority_create(text, text, text) IS
'Makes an authority with generation 1 active. Refuses: authority_purpose, algorithm_unsupported, authority_name_invalid, statement_key_exists, kek_missing.';

CREATE FUNCTION sftca.authority_lock(authority uuid) RETURNS text
LANGUAGE plpgsql VOLATILE PARALLEL UNSAFE SET search_path = pg_catalog, pg_temp AS $$
DECLARE
    found_purpose text;
BEGIN
    PERFORM sftca.commit_durably();
    SELECT a.purpose INTO found_purpose FROM sftca.authorities a WHERE a.id = authority FOR UPDATE;
    IF NOT FOUND THEN
        PERFORM sftca.refuse('SF404', 'authority_unknown', 'There is no such authority.');
    END IF;
    RETURN found_purpose;
END $$;
COMMENT ON FUNCTION sftca.authority_lock(uuid) IS 'One change of an authority at a time; returns its purpose. Refuses: authority_unknown.';

CREATE FUNCTION sftca.krl_changed(authority uuid) RETURNS bigint
LANGUAGE plpgsql VOLATILE PARALLEL UNSAFE SET search_path = pg_catalog, pg_temp AS $$
DECLARE
    next_version bigint;
BEGIN
    UPDATE sftca.krl_versions v SET version = v.version + 1, changed_at = clock_timestamp()
     WHERE v.authority_id = authority RETURNING v.version INTO next_version;
    RETURN next_version;
END $$;
COMMENT ON FUNCTION sftca.krl_changed(uuid) IS 'Counts an authority''s revocation list up.';

CREATE FUNCTION sftca.key_prepare(authority uuid) RETURNS int
LANGUAGE plpgsql VOLATILE PARALLEL UNSAFE SECURITY DEFINER SET search_path = pg_catalog, pg_temp AS $$
DECLARE
    made int;
BEGIN
    PERFORM sftca.authority_lock(authority);
    IF EXISTS (SELECT FROM sftca.authority_keys k WHERE k.authority_id = authority AND k.state = 'next') THEN
        PERFORM sftca.refuse('SF409', 'key_next_exists', 'The authority has a next key already.');
    END IF;
    SELECT max(k.generation) + 1 INTO made FROM sftca.authority_keys k WHERE k.authority_id = authority;
    PERFORM sftca.key_make(authority, made, 'next');
    PERFORM sftca.krl_changed(authority);
    RETURN made;
END $$;
COMMENT ON FUNCTION sftca.key_prepare(uuid) IS 'Makes the next generation; trusted, not yet signing. Refuses: authority_unknown, key_next_exists.';

CREATE FUNCTION sftca.key_state_need(authority uuid, wanted_generation int, wanted text[]) RETURNS void
LANGUAGE plpgsql VOLATILE PARALLEL UNSAFE SET search_path = pg_catalog, pg_temp AS $$
DECLARE
    found_state text;
BEGIN
    PERFORM sftca.authority_lock(authority);
    SELECT k.state INTO found_state FROM sftca.authority_keys k
     WHERE k.authority_id = authority AND k.generation = wanted_generation;
    IF NOT FOUND THEN
        PERFORM sftca.refuse('SF404', 'generation_unknown', 'The authority has no such generation.');
    ELSIF found_state <> ALL (wanted) THEN
        PERFORM sftca.refuse('SF409', 'key_state', format('This generation is %s, not %s.', found_state, array_to_string(wanted, ' or ')));
    END IF;
END $$;
COMMENT ON FUNCTION sftca.key_state_need(uuid, int, text[]) IS 'Locks an authority whose generation must be in one of these states. Refuses: authority_unknown, generation_unknown, key_state.';

CREATE FUNCTION sftca.key_activate(authority uuid, generation int) RETURNS void
LANGUAGE plpgsql VOLATILE PARALLEL UNSAFE SECURITY DEFINER SET search_path = pg_catalog, pg_temp AS $$
BEGIN
    PERFORM sftca.key_state_need(authority, key_activate.generation, ARRAY['next']);
    UPDATE sftca.authority_keys k SET state = 'retiring', retiring_at = now()
     WHERE k.authority_id = authority AND k.state = 'active';
    UPDATE sftca.authority_keys k SET state = 'active', activated_at = now()
     WHERE k.authority_id = authority AND k.generation = key_activate.generation;
END $$;
COMMENT ON FUNCTION sftca.key_activate(uuid, int) IS 'Lets the next generation sign and the active one retire. Refuses: authority_unknown, generation_unknown, key_state.';

CREATE FUNCTION sftca.key_retire(authority uuid, generation int) RETURNS void
LANGUAGE plpgsql VOLATILE PARALLEL UNSAFE SECURITY DEFINER SET search_path = pg_catalog, pg_temp AS $$
BEGIN
    PERFORM sftca.key_state_need(authority, key_retire.generation, ARRAY['next', 'retiring']);
    UPDATE sftca.authority_keys k SET state = 'retired', retired_at = now()
     WHERE k.authority_id = authority AND k.generation = key_retire.generation;
    DELETE FROM sftca.sealed_keys s WHERE s.authority_id = authority AND s.generation = key_retire.generation;
    PERFORM sftca.krl_changed(authority);
END $$;
COMMENT ON FUNCTION sftca.key_retire(uuid, int) IS 'Ends trust in a generation and destroys its private key. Refuses: authority_unknown, generation_unknown, key_state.';

CREATE FUNCTION sftca.trust_bundle(authority uuid) RETURNS text
LANGUAGE plpgsql STABLE SECURITY DEFINER SET search_path = pg_catalog, pg_temp AS $$
DECLARE
    bundle text;
BEGIN
    SELECT string_agg(CASE k.purpose WHEN 'x509' THEN k.certificate_pem
                      ELSE format(E'%s %s/%s %s\n', k.public_key, k.authority_id, k.generation, k.state) END,
                      '' ORDER BY k.generation) INTO bundle
      FROM sftca.keys k WHERE k.authority_id = authority AND k.state <> 'retired';
    IF bundle IS NULL THEN
        PERFORM sftca.refuse('SF404', 'authority_unknown', 'There is no such authority.');
    END IF;
    RETURN bundle;
END $$;
COMMENT ON FUNCTION sftca.trust_bundle(uuid) IS 'What to trust: next, active and retiring keys, one line each, or PEM. Refuses: authority_unknown.';

CREATE FUNCTION sftca.canary(authority uuid, generation int) RETURNS text
LANGUAGE plpgsql STABLE SECURITY DEFINER SET search_path = pg_catalog, pg_temp AS $$
DECLARE
    found_canary text;
BEGIN
    SELECT k.canary INTO found_canary FROM sftca.authority_keys k
     WHERE k.authority_id = authority AND k.generation = canary.generation;
    IF found_canary IS NULL THEN
        PERFORM sftca.refuse('SF404', 'generation_unknown', 'The authority has no such generation.');
    END IF;
    RETURN found_canary;
END $$;
COMMENT ON FUNCTION sftca.canary(uuid, int) IS 'A certificate that is always revoked. Refuses: generation_unknown.';

-- Certificates ---------------------------------------------------------------------------------
-- The settings keep their queries on the indexes, also when they are planned while the tables are empty.

CREATE FUNCTION sftca.prepare_ssh_user(id uuid, authority uuid, public_key text, key_id text, principals text[],
    valid_after timestamptz, valid_before timestamptz, critical_options jsonb, extensions jsonb) RETURNS bigint
LANGUAGE c VOLATILE PARALLEL UNSAFE SECURITY DEFINER SET search_path = pg_catalog, pg_temp SET enable_seqscan = off
AS 'MODULE_PATHNAME', 'sftca_prepare_ssh_user';
COMMENT ON FUNCTION sftca.prepare_ssh_user(uuid, uuid, text, text, text[], timestamptz, timestamptz, jsonb, jsonb) IS
'Records an SSH user certificate that finish() will sign once this transaction is committed; returns its serial.';

CREATE FUNCTION sftca.prepare_ssh_host(id uuid, authority uuid, public_key text, key_id text, principals text[],
    valid_after timestamptz, valid_before timestamptz) RETURNS bigint
LANGUAGE c VOLATILE PARALLEL UNSAFE SECURITY DEFINER SET search_path = pg_catalog, pg_temp SET enable_seqscan = off
AS 'MODULE_PATHNAME', 'sftca_prepare_ssh_host';
COMMENT ON FUNCTION sftca.prepare_ssh_host(uuid, uuid, text, text, text[], timestamptz, timestamptz) IS
'Records an SSH host certificate that finish() will sign once this transaction is committed; returns its serial.';

CREATE FUNCTION sftca.prepare_x509_client(id uuid, authority uuid, public_key text, common_name text, organization text,
    organizational_unit text, uri text, valid_after timestamptz, valid_before timestamptz) RETURNS bigint
LANGUAGE c VOLATILE PARALLEL UNSAFE SECURITY DEFINER SET search_path = pg_catalog, pg_temp SET enable_seqscan = off
AS 'MODULE_PATHNAME', 'sftca_prepare_x509_client';
COMMENT ON FUNCTION sftca.prepare_x509_client(uuid, uuid, text, text, text, text, text, timestamptz, timestamptz) IS
'Records an X.509 client certificate that finish() will sign once this transaction is committed; returns its serial.';

CREATE FUNCTION sftca.finish(ids uuid[], OUT id uuid, OUT serial bigint, OUT kind text, OUT outcome text,
    OUT certificate text, OUT valid_after timestamptz, OUT valid_before timestamptz) RETURNS SETOF record
LANGUAGE c STRICT VOLATILE PARALLEL UNSAFE SECURITY DEFINER SET search_path = pg_catalog, pg_temp
SET enable_seqscan = off SET enable_hashjoin = off SET enable_mergejoin = off SET enable_bitmapscan = off SET jit = off SET work_mem = '32MB'
AS 'MODULE_PATHNAME', 'sftca_finish';
COMMENT ON FUNCTION sftca.finish(uuid[]) IS
'Signs what is recorded, committed, alive and not revoked: one row for each distinct id. The only function that signs certificates.';

-- Revocation -----------------------------------------------------------------------------------

CREATE FUNCTION sftca.serial_time(serial bigint) RETURNS timestamptz
LANGUAGE sql IMMUTABLE PARALLEL SAFE SET search_path = pg_catalog, pg_temp AS $$
    SELECT timestamptz '2020-01-01 00:00:00+00' + (serial >> 22) * interval '1 millisecond'
$$;
COMMENT ON FUNCTION sftca.serial_time(bigint) IS 'When a serial was made.';

CREATE FUNCTION sftca.serial_at(moment timestamptz) RETURNS bigint
LANGUAGE sql IMMUTABLE PARALLEL SAFE SET search_path = pg_catalog, pg_temp AS $$
    SELECT floor(extract(epoch FROM moment - timestamptz '2020-01-01 00:00:00+00') * 1000)::bigint << 22
$$;
COMMENT ON FUNCTION sftca.serial_at(timestamptz) IS 'The lowest serial of a moment: a span of time is a range of serials.';

CREATE FUNCTION sftca.revoke(authority uuid, serial_from bigint, serial_to bigint, reason text) RETURNS bigint
LANGUAGE plpgsql VOLATILE PARALLEL UNSAFE SECURITY DEFINER SET search_path = pg_catalog, pg_temp AS $$
DECLARE
    found_purpose text;
    version bigint;
BEGIN
    PERFORM sftca.commit_durably();
    SELECT a.purpose INTO found_purpose FROM sftca.authorities a WHERE a.id = authority;
    IF NOT FOUND THEN
        PERFORM sftca.refuse('SF404', 'authority_unknown', 'There is no such authority.');
    END IF;
    version := coalesce(sftca.krl_changed(authority), 0);
    -- No certificate lives longer than prepare.c allows after its serial was made.
    INSERT INTO sftca.revocations (authority_id, serial_from, serial_to, reason, expires_at)
    VALUES (authority, serial_from, serial_to, reason,
            sftca.serial_time(serial_to) + CASE found_purpose WHEN 'ssh_host' THEN interval '33 days' ELSE interval '3 days' END);
    RETURN version;
END $$;
COMMENT ON FUNCTION sftca.revoke(uuid, bigint, bigint, text) IS
'Revokes a range of serials, signed or yet to be; returns the new version of the revocation list (0 for X.509). Refuses: authority_unknown, revocation_range, revocation_serial_positive, revocation_reason_invalid.';

CREATE FUNCTION sftca.krl_version(authority uuid) RETURNS bigint
LANGUAGE plpgsql STABLE SECURITY DEFINER SET search_path = pg_catalog, pg_temp AS $$
DECLARE
    newest bigint;
BEGIN
    SELECT v.version INTO newest FROM sftca.krl_versions v WHERE v.authority_id = authority;
    IF NOT FOUND THEN
        PERFORM sftca.refuse('SF404', 'authority_unknown', 'There is no such SSH authority.');
    END IF;
    RETURN newest;
END $$;
COMMENT ON FUNCTION sftca.krl_version(uuid) IS 'The version of the newest revocation list. Refuses: authority_unknown.';

CREATE FUNCTION sftca.krl_write(version bigint, generated timestamptz, keys text[], lows bigint[], highs bigint[]) RETURNS bytea
LANGUAGE c STRICT IMMUTABLE PARALLEL SAFE AS 'MODULE_PATHNAME', 'sftca_krl_write';
COMMENT ON FUNCTION sftca.krl_write(bigint, timestamptz, text[], bigint[], bigint[]) IS 'The bytes of a revocation list.';

CREATE FUNCTION sftca.krl(authority uuid) RETURNS bytea
LANGUAGE plpgsql STABLE SECURITY DEFINER SET search_path = pg_catalog, pg_temp AS $$
DECLARE
    newest sftca.krl_versions;
    public_keys text[];
    lows bigint[];
    highs bigint[];
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
    RETURN sftca.krl_write(newest.version, newest.changed_at, public_keys, lows, highs);
END $$;
COMMENT ON FUNCTION sftca.krl(uuid) IS 'An OpenSSH revocation list with every canary and every revocation that can still matter. Refuses: authority_unknown.';

CREATE FUNCTION sftca.crl_reason(reason text) RETURNS int
LANGUAGE sql IMMUTABLE PARALLEL SAFE SET search_path = pg_catalog, pg_temp AS $$
    SELECT CASE split_part(reason, ':', 1) WHEN 'key_compromise' THEN 1 WHEN 'affiliation_changed' THEN 3 WHEN 'superseded' THEN 4
           WHEN 'cessation_of_operation' THEN 5 WHEN 'privilege_withdrawn' THEN 9 ELSE 0 END
$$;
COMMENT ON FUNCTION sftca.crl_reason(text) IS 'RFC 5280''s number for a reason that is one of its words, or begins with one and a colon; else 0.';

CREATE FUNCTION sftca.crl_sign(authority uuid, generation int) RETURNS bytea
LANGUAGE c VOLATILE PARALLEL UNSAFE SECURITY DEFINER SET search_path = pg_catalog, pg_temp SET enable_seqscan = off
AS 'MODULE_PATHNAME', 'sftca_crl_sign';
COMMENT ON FUNCTION sftca.crl_sign(uuid, int) IS 'The list of one generation. Refuses: transaction_has_written, standby, key_retired, authority_purpose.';

CREATE FUNCTION sftca.crl(authority uuid, generation int DEFAULT NULL) RETURNS bytea
LANGUAGE plpgsql VOLATILE PARALLEL UNSAFE SECURITY DEFINER SET search_path = pg_catalog, pg_temp AS $$
DECLARE
    wanted int;
BEGIN
    IF NOT EXISTS (SELECT FROM sftca.authorities a WHERE a.id = authority) THEN
        PERFORM sftca.refuse('SF404', 'authority_unknown', 'There is no such authority.');
    END IF;
    SELECT k.generation INTO wanted FROM sftca.authority_keys k
     WHERE k.authority_id = authority AND CASE WHEN crl.generation IS NULL THEN k.state = 'active' ELSE k.generation = crl.generation END;
    IF NOT FOUND THEN
        PERFORM sftca.refuse('SF404', 'generation_unknown', 'The authority has no such generation.');
    END IF;
    RETURN sftca.crl_sign(authority, wanted);
END $$;
COMMENT ON FUNCTION sftca.crl(uuid, int) IS
'An X.509 revocation list (DER) of a generation, the active one by default; good for 7 days. Refuses: authority_unknown, generation_unknown, key_retired, authority_purpose, transaction_has_written, standby.';

CREATE FUNCTION sftca.crl_bundle(authority uuid) RETURNS text
LANGUAGE plpgsql VOLATILE PARALLEL UNSAFE SECURITY DEFINER SET search_path = pg_catalog, pg_temp AS $$
DECLARE
    one int;
    bundle text := '';
BEGIN
    FOR one IN SELECT k.generation FROM sftca.authority_keys k WHERE k.authority_id = authority AND k.state <> 'retired' ORDER BY 1 LOOP
        bundle := bundle || format(E'-----BEGIN X509 CRL-----\n%s\n-----END X509 CRL-----\n', rtrim(regexp_replace(
            translate(encode(sftca.crl_sign(authority, one), 'base64'), E'\n', ''), '(.{64})', E'\\1\n', 'g'), E'\n'));
    END LOOP;
    IF bundle = '' THEN
        PERFORM sftca.refuse('SF404', 'authority_unknown', 'There is no such authority.');
    END IF;
    RETURN bundle;
END $$;
COMMENT ON FUNCTION sftca.crl_bundle(uuid) IS
'A list for each certificate in the trust bundle, as PEM: a verifier that has a list for one wants them for all. Refuses: authority_unknown, authority_purpose, transaction_has_written, standby.';

-- Keys and signatures that others bring ---------------------------------------------------------

CREATE FUNCTION sftca.parse_public_key(key text, OUT type text, OUT bits int, OUT fingerprint text, OUT blob bytea, OUT device_code text)
LANGUAGE c IMMUTABLE PARALLEL SAFE AS 'MODULE_PATHNAME', 'sftca_parse_public_key';
COMMENT ON FUNCTION sftca.parse_public_key(text) IS
'What is in a public key. Refuses: public_key_malformed, public_key_weak, public_key_type, public_key_is_certificate, public_key_is_private, public_key_point.';

CREATE FUNCTION sftca.verify(key text, message bytea, signature bytea) RETURNS boolean
LANGUAGE c STRICT IMMUTABLE PARALLEL SAFE AS 'MODULE_PATHNAME', 'sftca_verify';
COMMENT ON FUNCTION sftca.verify(text, bytea, bytea) IS 'Whether a raw signature of 64 bytes is good: Ed25519 or ECDSA P-256 with SHA-256.';

CREATE FUNCTION sftca.parse_signature(signature_input text, OUT created bigint, OUT nonce uuid, OUT keyid text, OUT alg text)
LANGUAGE c IMMUTABLE PARALLEL SAFE AS 'MODULE_PATHNAME', 'sftca_parse_signature';
COMMENT ON FUNCTION sftca.parse_signature(text) IS 'The parameters of a request''s Signature-Input; NULLs when it is not of our form.';

CREATE FUNCTION sftca.verify_request(key_blob bytea, method text, authority text, target bytea, body bytea,
    content_digest text, signature_input text, signature text) RETURNS text
LANGUAGE c IMMUTABLE PARALLEL SAFE AS 'MODULE_PATHNAME', 'sftca_verify_request';
COMMENT ON FUNCTION sftca.verify_request(bytea, text, text, bytea, bytea, text, text, text) IS
'NULL when a request''s signature is good, else signature_malformed, digest_mismatch or signature_invalid.';

-- Statements -----------------------------------------------------------------------------------

CREATE FUNCTION sftca.statement_key_id(public_key text) RETURNS text
LANGUAGE sql IMMUTABLE STRICT PARALLEL SAFE SET search_path = pg_catalog, pg_temp AS $$
    SELECT rtrim(translate(encode(sha256((sftca.parse_public_key(public_key)).blob), 'base64'), '+/', '-_'), '=')
$$;
COMMENT ON FUNCTION sftca.statement_key_id(text) IS 'base64url of SHA-256 of the key''s SSH blob: how a statement key is named.';

CREATE FUNCTION sftca.statement_key_create() RETURNS text
LANGUAGE plpgsql VOLATILE PARALLEL UNSAFE SECURITY DEFINER SET search_path = pg_catalog, pg_temp AS $$
BEGIN
    IF NOT EXISTS (SELECT FROM sftca.authorities a WHERE a.purpose = 'statement') THEN
        PERFORM sftca.authority_create('statement', 'ed25519', 'statements');
    END IF;
    RETURN (SELECT sftca.statement_key_id(k.public_key) FROM sftca.keys k WHERE k.purpose = 'statement' AND k.state = 'active');
END $$;
COMMENT ON FUNCTION sftca.statement_key_create() IS 'Makes the instance''s statement key if there is none; returns the key id of the active one.';

CREATE VIEW sftca.statement_keys AS
    SELECT sftca.statement_key_id(k.public_key) AS key_id, k.public_key, k.state, k.created_at, k.authority_id, k.generation
      FROM sftca.keys k WHERE k.purpose = 'statement' AND k.state <> 'retired';
COMMENT ON VIEW sftca.statement_keys IS 'The keys by which the platform''s statements are checked: next, active, retiring.';

CREATE FUNCTION sftca.sign_statement(purpose text, status int, target bytea, request_signature text, version bigint, body bytea) RETURNS text
LANGUAGE c VOLATILE PARALLEL UNSAFE SECURITY DEFINER SET search_path = pg_catalog, pg_temp SET enable_seqscan = off
AS 'MODULE_PATHNAME', 'sftca_sign_statement';
COMMENT ON FUNCTION sftca.sign_statement(text, int, bytea, text, bigint, bytea) IS
'Header lines that sign an answer of the platform. Refuses: transaction_has_written, standby, statement_purpose, statement_key_missing.';

-- Secrets --------------------------------------------------------------------------------------

CREATE FUNCTION sftca.secret(purpose text, id uuid) RETURNS text
LANGUAGE c VOLATILE PARALLEL UNSAFE SECURITY DEFINER SET search_path = pg_catalog, pg_temp
AS 'MODULE_PATHNAME', 'sftca_secret';
COMMENT ON FUNCTION sftca.secret(text, uuid) IS 'A secret that is computed, not stored: the same for the same purpose and id. Refuses: kek_missing, kek_wrong, purpose_invalid.';

CREATE FUNCTION sftca.verify_mac(purpose text, id uuid, subject_id uuid, public_key text, mac text) RETURNS boolean
LANGUAGE c VOLATILE PARALLEL UNSAFE SECURITY DEFINER SET search_path = pg_catalog, pg_temp
AS 'MODULE_PATHNAME', 'sftca_verify_mac';
COMMENT ON FUNCTION sftca.verify_mac(text, uuid, uuid, text, text) IS 'Whether whoever made this mac held the secret and meant this subject and key.';

CREATE FUNCTION sftca.hash_password(password bytea) RETURNS text
LANGUAGE c STRICT VOLATILE PARALLEL UNSAFE AS 'MODULE_PATHNAME', 'sftca_hash_password';
COMMENT ON FUNCTION sftca.hash_password(bytea) IS 'scrypt with a fresh salt; a tenth of a second. Refuses: password_invalid.';

CREATE FUNCTION sftca.verify_password(hash text, password bytea) RETURNS boolean
LANGUAGE c STRICT VOLATILE PARALLEL UNSAFE AS 'MODULE_PATHNAME', 'sftca_verify_password';
COMMENT ON FUNCTION sftca.verify_password(text, bytea) IS 'Whether this is the password; constant time. Refuses: password_hash_malformed.';

CREATE FUNCTION sftca.random_text(length int) RETURNS text
LANGUAGE c STRICT VOLATILE PARALLEL UNSAFE AS 'MODULE_PATHNAME', 'sftca_random_text';
COMMENT ON FUNCTION sftca.random_text(int) IS 'Random characters that a person can read and type, 5 bits each. Refuses: length_invalid.';

-- Status ---------------------------------------------------------------------------------------

CREATE FUNCTION sftca.kek_status(OUT reason text, OUT kek_check bytea, OUT cached_keys int, OUT in_recovery boolean)
LANGUAGE c VOLATILE PARALLEL UNSAFE AS 'MODULE_PATHNAME', 'sftca_kek_status';
COMMENT ON FUNCTION sftca.kek_status() IS 'Whether this backend has the key-encryption key; if not, why.';

CREATE FUNCTION sftca.status(OUT kek text, OUT detail text, OUT authorities bigint, OUT sealed_keys bigint,
    OUT cached_keys int, OUT in_recovery boolean, OUT version text)
LANGUAGE plpgsql VOLATILE PARALLEL UNSAFE SECURITY DEFINER SET search_path = pg_catalog, pg_temp AS $$
DECLARE
    mine record;
    foreign_keys bigint;
BEGIN
    mine := sftca.kek_status();
    SELECT count(*) INTO authorities FROM sftca.authorities;
    SELECT count(*), count(*) FILTER (WHERE s.kek_check <> mine.kek_check) INTO sealed_keys, foreign_keys FROM sftca.sealed_keys s;
    kek := CASE WHEN mine.kek_check IS NULL THEN 'missing' WHEN foreign_keys > 0 THEN 'wrong' ELSE 'ok' END;
    detail := coalesce(mine.reason, CASE WHEN foreign_keys > 0 THEN format('%s of %s keys are sealed under another key-encryption key', foreign_keys, sealed_keys) END);
    cached_keys := mine.cached_keys;
    in_recovery := mine.in_recovery;
    SELECT e.extversion INTO version FROM pg_extension e WHERE e.extname = 'pg_sftca';
END $$;
COMMENT ON FUNCTION sftca.status() IS 'Whether the vault can sign: kek is ok, missing or wrong.';

-- Rights ---------------------------------------------------------------------------------------

COMMENT ON SCHEMA sftca IS 'The vault: authorities, sealed keys, certificate records, signatures.';
REVOKE ALL ON SCHEMA sftca FROM PUBLIC;
REVOKE ALL ON ALL TABLES IN SCHEMA sftca FROM PUBLIC;
REVOKE ALL ON ALL FUNCTIONS IN SCHEMA sftca FROM PUBLIC;
