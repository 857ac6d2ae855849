-- SPDX-License-Identifier: PostgreSQL
-- pg_sftca--1.0--1.1.sql - from the vault's first release to its second. Version 1.0 is never edited again.
-- Complain if this is sourced in psql rather than by ALTER or CREATE EXTENSION.
\echo Use "ALTER EXTENSION pg_sftca UPDATE TO '1.1'" to load this file. \quit

-- == authorities and generations ==

ALTER TABLE sftca.authorities
    ADD COLUMN is_subordinate boolean NOT NULL DEFAULT false,
    ADD CONSTRAINT authority_subordinate CHECK (NOT is_subordinate OR purpose = 'x509');
COMMENT ON COLUMN sftca.authorities.is_subordinate IS 'Its certificates are signed by somebody outside, not by itself.';
COMMENT ON CONSTRAINT authority_subordinate ON sftca.authorities IS 'Only an X.509 authority can be subordinate.';

ALTER TABLE sftca.authority_keys
    ADD COLUMN chain_pem              text,
    ADD COLUMN key_identifier         text,
    ADD COLUMN certificate_expires_at timestamptz;
COMMENT ON COLUMN sftca.authority_keys.certificate_pem IS 'X.509: its certificate; NULL while a subordinate authority waits for it.';
COMMENT ON COLUMN sftca.authority_keys.chain_pem IS 'Subordinate: the certificates above its own, the nearest first, the root last.';
COMMENT ON COLUMN sftca.authority_keys.key_identifier IS 'Subordinate: the subject key identifier in its certificate (hex), which never changes.';
COMMENT ON COLUMN sftca.authority_keys.certificate_expires_at IS
'Subordinate: when the first certificate of the chain ends; nothing signed lives longer. Self-signed: NULL, ten years after it was made.';

CREATE FUNCTION sftca.authority_need(authority uuid) RETURNS text
LANGUAGE plpgsql STABLE SET search_path = pg_catalog, pg_temp AS $$
DECLARE
    found_purpose text;
BEGIN
    SELECT a.purpose INTO found_purpose FROM sftca.authorities a WHERE a.id = authority;
    IF NOT FOUND THEN
        PERFORM sftca.refuse('SF404', 'authority_unknown', 'There is no such authority.');
    END IF;
    RETURN found_purpose;
END $$;
COMMENT ON FUNCTION sftca.authority_need(uuid) IS 'An authority''s purpose. Refuses: authority_unknown.';

-- the same as in 1.0, but a subordinate authority's key waits for its certificate
CREATE OR REPLACE FUNCTION sftca.key_make(authority uuid, new_generation int, new_state text) RETURNS void
LANGUAGE plpgsql VOLATILE PARALLEL UNSAFE SET search_path = pg_catalog, pg_temp AS $$
DECLARE
    owner sftca.authorities;
    made record;
BEGIN
    PERFORM sftca.commit_durably();
    SELECT * INTO STRICT owner FROM sftca.authorities a WHERE a.id = authority;
    made := sftca.key_generate(authority, new_generation, owner.purpose, owner.algorithm);
    IF (CASE WHEN made.certificate_pem IS NOT NULL THEN sftca.verify_x509(made.certificate_pem, made.certificate_pem) IS NOT NULL END) THEN
        PERFORM sftca.refuse('SF500', 'crypto_failed', 'The new key signs badly.');
    END IF;
    INSERT INTO sftca.authority_keys (authority_id, generation, state, public_key, fingerprint, certificate_pem,
                                      canary, canary_serial, activated_at)
    VALUES (authority, new_generation, new_state, made.public_key, made.fingerprint,
            CASE WHEN NOT owner.is_subordinate THEN made.certificate_pem END,
            made.canary, made.canary_serial, CASE new_state WHEN 'active' THEN now() END);
    INSERT INTO sftca.sealed_keys (authority_id, generation, sealed, kek_check)
    VALUES (authority, new_generation, made.sealed, made.kek_check);
END $$;

CREATE FUNCTION sftca.authority_create_subordinate(algorithm text DEFAULT NULL, name text DEFAULT '') RETURNS uuid
LANGUAGE plpgsql VOLATILE PARALLEL UNSAFE SECURITY DEFINER SET search_path = pg_catalog, pg_temp AS $$
DECLARE
    made uuid;
BEGIN
    INSERT INTO sftca.authorities (purpose, algorithm, name, is_subordinate)
    VALUES ('x509', coalesce(algorithm, 'ecdsa-p256'), coalesce(name, ''), true)
    RETURNING id INTO made;
    PERFORM sftca.key_make(made, 1, 'next');
    RETURN made;
END $$;
COMMENT ON FUNCTION sftca.authority_create_subordinate(text, text) IS
'Makes an X.509 authority that somebody outside certifies, with generation 1 next: take its request to them by authority_request(), bring what they sign by authority_certify(), then key_activate(). Refuses: algorithm_unsupported, authority_name_invalid, kek_missing.';

CREATE FUNCTION sftca.generation_need(authority uuid, wanted_generation int) RETURNS sftca.authority_keys
LANGUAGE plpgsql STABLE SET search_path = pg_catalog, pg_temp AS $$
DECLARE
    one sftca.authority_keys;
BEGIN
    IF sftca.authority_need(authority) <> 'x509' THEN
        PERFORM sftca.refuse('22023', 'authority_purpose', 'The authority has another purpose.');
    END IF;
    IF NOT (SELECT a.is_subordinate FROM sftca.authorities a WHERE a.id = authority) THEN
        PERFORM sftca.refuse('SF409', 'authority_self_signed', 'This authority signs its own certificate.');
    END IF;
    SELECT * INTO one FROM sftca.authority_keys k
     WHERE k.authority_id = authority AND k.generation = coalesce(wanted_generation,
           (SELECT max(n.generation) FROM sftca.authority_keys n WHERE n.authority_id = authority));
    IF NOT FOUND THEN
        PERFORM sftca.refuse('SF404', 'generation_unknown', 'The authority has no such generation.');
    ELSIF one.state = 'retired' THEN
        PERFORM sftca.refuse('SF409', 'key_retired', 'This generation is retired.');
    END IF;
    RETURN one;
END $$;
COMMENT ON FUNCTION sftca.generation_need(uuid, int) IS
'A generation of a subordinate authority that is not retired, by default the newest. Refuses: authority_unknown, authority_purpose, authority_self_signed, generation_unknown, key_retired.';

CREATE FUNCTION sftca.request_sign(authority uuid, generation int) RETURNS text
LANGUAGE c VOLATILE PARALLEL UNSAFE AS 'MODULE_PATHNAME', 'sftca_request_sign';
COMMENT ON FUNCTION sftca.request_sign(uuid, int) IS 'A certification request, signed by the generation''s key. Refuses: standby, kek_missing, kek_wrong, key_damaged.';

CREATE FUNCTION sftca.authority_request(authority uuid, generation int DEFAULT NULL) RETURNS text
LANGUAGE plpgsql VOLATILE PARALLEL UNSAFE SECURITY DEFINER SET search_path = pg_catalog, pg_temp AS $$
BEGIN
    RETURN sftca.request_sign(authority, (sftca.generation_need(authority, authority_request.generation)).generation);
END $$;
COMMENT ON FUNCTION sftca.authority_request(uuid, int) IS
'The certification request (PKCS#10, PEM) of a generation, by default the newest, for the outside authority to sign. Refuses: authority_unknown, authority_purpose, authority_self_signed, generation_unknown, key_retired, standby, kek_missing, kek_wrong.';

CREATE FUNCTION sftca.chain_check(chain text, public_key text, common_name text, at timestamptz,
    OUT certificate_pem text, OUT chain_pem text, OUT key_identifier text, OUT expires_at timestamptz)
LANGUAGE c VOLATILE PARALLEL UNSAFE AS 'MODULE_PATHNAME', 'sftca_chain_check';
COMMENT ON FUNCTION sftca.chain_check(text, text, text, timestamptz) IS
'Whether a chain certifies this key under this name, and its parts. Refuses: chain_malformed, chain_too_long, chain_key, chain_name, chain_order, chain_incomplete, chain_signature, chain_weak, chain_not_authority, chain_key_usage, chain_path_length, chain_validity, chain_key_identifier, chain_refused.';

CREATE FUNCTION sftca.authority_certify(authority uuid, generation int, chain text) RETURNS timestamptz
LANGUAGE plpgsql VOLATILE PARALLEL UNSAFE SECURITY DEFINER SET search_path = pg_catalog, pg_temp AS $$
DECLARE
    own sftca.authority_keys;
    good record;
BEGIN
    PERFORM sftca.authority_lock(authority);
    own := sftca.generation_need(authority, authority_certify.generation);
    good := sftca.chain_check(chain, own.public_key, format('%s/%s', own.authority_id, own.generation), clock_timestamp());
    IF good.key_identifier <> own.key_identifier THEN
        PERFORM sftca.refuse('22023', 'chain_key_identifier', 'A renewed certificate must have the subject key identifier of the one before.');
    END IF;
    UPDATE sftca.authority_keys k
       SET certificate_pem = good.certificate_pem, chain_pem = good.chain_pem,
           key_identifier = good.key_identifier, certificate_expires_at = good.expires_at
     WHERE k.authority_id = own.authority_id AND k.generation = own.generation;
    RETURN good.expires_at;
END $$;
COMMENT ON FUNCTION sftca.authority_certify(uuid, int, text) IS
'Takes the certificate that the outside authority has signed for a generation (NULL: the newest), followed by those above it up to the root, as PEM; also to renew it. Returns when the first of them ends. Refuses: what authority_request() refuses, and chain_malformed, chain_too_long, chain_key, chain_name, chain_order, chain_incomplete, chain_signature, chain_weak, chain_not_authority, chain_key_usage, chain_path_length, chain_validity, chain_key_identifier, chain_refused.';

CREATE TABLE sftca.key_waivers (
    authority_id uuid NOT NULL,
    generation   int NOT NULL,
    waived_by    text NOT NULL CONSTRAINT waiver_name_invalid CHECK (waived_by ~ '^[!-~]([ -~]{0,126}[!-~])?$'),
    waiting      text[] NOT NULL,
    waived_at    timestamptz NOT NULL DEFAULT pg_catalog.now(),
    CONSTRAINT waiver_exists PRIMARY KEY (authority_id, generation)
);
SELECT pg_catalog.pg_extension_config_dump('sftca.key_waivers', '');
COMMENT ON TABLE sftca.key_waivers IS 'Who made a generation active although somebody had not acknowledged it yet. Never changed; no foreign key, it outlives what it tells of.';
COMMENT ON COLUMN sftca.key_waivers.waiting IS 'Who had not, as the caller of key_activate() named them.';
COMMENT ON CONSTRAINT waiver_name_invalid ON sftca.key_waivers IS 'Who waives is named in one line of at most 128 characters.';
COMMENT ON CONSTRAINT waiver_exists ON sftca.key_waivers IS 'This generation has been activated already.';

CREATE FUNCTION sftca.key_activate(authority uuid, generation int, waiting text[], waived_by text DEFAULT NULL) RETURNS void
LANGUAGE plpgsql VOLATILE PARALLEL UNSAFE SECURITY DEFINER SET search_path = pg_catalog, pg_temp AS $$
BEGIN
    PERFORM sftca.key_state_need(authority, key_activate.generation, ARRAY['next']);
    IF EXISTS (SELECT FROM sftca.authority_keys k JOIN sftca.authorities a ON a.id = k.authority_id
                WHERE k.authority_id = authority AND k.generation = key_activate.generation AND a.purpose = 'x509' AND k.certificate_pem IS NULL) THEN
        PERFORM sftca.refuse('SF409', 'certificate_missing', 'This generation has no certificate yet.');
    END IF;
    IF waiting IS NULL OR array_ndims(waiting) > 1 OR array_position(waiting, NULL) IS NOT NULL THEN
        PERFORM sftca.refuse('22023', 'list_malformed', 'waiting must be one list of names.');
    ELSIF cardinality(waiting) > 0 AND waived_by IS NULL THEN
        PERFORM sftca.refuse('SF409', 'key_not_acknowledged', format('%s of those who must trust this generation have not acknowledged it: %s%s',
            cardinality(waiting), left(array_to_string(waiting[array_lower(waiting, 1) : array_lower(waiting, 1) + 4], ', '), 300),
            CASE WHEN cardinality(waiting) > 5 THEN ', …' ELSE '' END));
    ELSIF cardinality(waiting) > 0 THEN
        INSERT INTO sftca.key_waivers (authority_id, generation, waived_by, waiting)
        VALUES (authority, key_activate.generation, key_activate.waived_by, key_activate.waiting);
    END IF;
    UPDATE sftca.authority_keys k SET state = 'retiring', retiring_at = now()
     WHERE k.authority_id = authority AND k.state = 'active';
    UPDATE sftca.authority_keys k SET state = 'active', activated_at = now()
     WHERE k.authority_id = authority AND k.generation = key_activate.generation;
END $$;
COMMENT ON FUNCTION sftca.key_activate(uuid, int, text[], text) IS
'Lets the next generation sign and the active one retire, if nobody is waiting: the caller names those who must trust it and have not acknowledged. waived_by, one line of at most 128 characters, activates it all the same and is recorded in key_waivers with their names. Refuses: authority_unknown, generation_unknown, key_state, certificate_missing, key_not_acknowledged, list_malformed, waiver_name_invalid.';

CREATE OR REPLACE FUNCTION sftca.key_activate(authority uuid, generation int) RETURNS void
LANGUAGE plpgsql VOLATILE PARALLEL UNSAFE SECURITY DEFINER SET search_path = pg_catalog, pg_temp AS $$
BEGIN
    PERFORM sftca.key_activate(authority, generation, '{}'::text[]);
END $$;
COMMENT ON FUNCTION sftca.key_activate(uuid, int) IS
'Lets the next generation sign and the active one retire; nobody is asked whether they trust it already. Refuses: authority_unknown, generation_unknown, key_state, certificate_missing.';

CREATE OR REPLACE FUNCTION sftca.trust_bundle(authority uuid) RETURNS text
LANGUAGE plpgsql STABLE SECURITY DEFINER SET search_path = pg_catalog, pg_temp AS $$
DECLARE
    bundle text;
BEGIN
    IF sftca.authority_need(authority) <> 'x509' THEN
        SELECT string_agg(format(E'%s %s/%s %s\n', k.public_key, k.authority_id, k.generation, k.state), '' ORDER BY k.generation) INTO bundle
          FROM sftca.authority_keys k WHERE k.authority_id = authority AND k.state <> 'retired';
        RETURN bundle;
    END IF;
    -- each certificate once: generations mostly hang on the same root
    SELECT string_agg(p.pem, '' ORDER BY p.first) INTO bundle
      FROM (SELECT c.pem || E'-----END CERTIFICATE-----\n' AS pem, min(k.generation * 100 + c.at) AS first
              FROM sftca.authority_keys k, regexp_split_to_table(k.certificate_pem || coalesce(k.chain_pem, ''), E'-----END CERTIFICATE-----\n')
                   WITH ORDINALITY AS c (pem, at)
             WHERE k.authority_id = authority AND k.state <> 'retired' AND c.pem <> ''
             GROUP BY 1) p;
    IF bundle IS NULL THEN
        PERFORM sftca.refuse('SF409', 'certificate_missing', 'No generation of this authority has a certificate yet.');
    END IF;
    RETURN bundle;
END $$;
COMMENT ON FUNCTION sftca.trust_bundle(uuid) IS
'What to trust: next, active and retiring keys, one line each, or their certificates as PEM, of a subordinate authority with all above them up to the root. Refuses: authority_unknown, certificate_missing.';

CREATE FUNCTION sftca.issuer_chain(authority uuid, generation int DEFAULT NULL) RETURNS text
LANGUAGE plpgsql STABLE SECURITY DEFINER SET search_path = pg_catalog, pg_temp AS $$
DECLARE
    own text;
    above text;
BEGIN
    IF sftca.authority_need(authority) <> 'x509' THEN
        PERFORM sftca.refuse('22023', 'authority_purpose', 'The authority has another purpose.');
    END IF;
    SELECT k.certificate_pem, k.chain_pem INTO own, above FROM sftca.authority_keys k
     WHERE k.authority_id = authority AND CASE WHEN issuer_chain.generation IS NULL THEN k.state = 'active' ELSE k.generation = issuer_chain.generation END;
    IF NOT FOUND THEN
        PERFORM sftca.refuse('SF404', 'generation_unknown', 'The authority has no such generation.');
    ELSIF own IS NULL THEN
        PERFORM sftca.refuse('SF409', 'certificate_missing', 'This generation has no certificate yet.');
    END IF;
    -- all but the last, the root: a verifier has that or does not trust it
    RETURN CASE WHEN above IS NULL THEN '' ELSE own || regexp_replace(above, '-----BEGIN CERTIFICATE-----[^-]*-----END CERTIFICATE-----\n$', '') END;
END $$;
COMMENT ON FUNCTION sftca.issuer_chain(uuid, int) IS
'What the holder of a certificate shows behind it (PEM): the certificates from its issuer to below the root; empty under a self-signed authority. By default of the active generation. Refuses: authority_unknown, authority_purpose, generation_unknown, certificate_missing.';

CREATE VIEW sftca.authority_list AS
    SELECT a.id AS authority_id, a.purpose, a.algorithm, a.name, a.is_subordinate, a.created_at,
           max(k.generation) FILTER (WHERE k.state = 'active') AS active_generation,
           max(k.generation) FILTER (WHERE k.state = 'next') AS next_generation,
           array_agg(k.generation ORDER BY k.generation) FILTER (WHERE k.state = 'retiring') AS retiring_generations,
           max(k.fingerprint) FILTER (WHERE k.state = 'active') AS fingerprint,
           max(k.activated_at) AS activated_at,
           max(CASE a.purpose WHEN 'x509' THEN coalesce(k.certificate_expires_at, k.created_at + interval '3652 days') END)
               FILTER (WHERE k.state = 'active') AS certificate_expires_at,
           coalesce(bool_or(k.certificate_pem IS NULL) FILTER (WHERE k.state = 'next' AND a.is_subordinate), false) AS certificate_missing,
           (SELECT count(*) FROM sftca.key_waivers w WHERE w.authority_id = a.id) AS waivers
      FROM sftca.authorities a LEFT JOIN sftca.authority_keys k ON k.authority_id = a.id
     GROUP BY a.id;
COMMENT ON VIEW sftca.authority_list IS 'Every authority in one row: what signs, what comes next, when its certificate ends.';

-- == keys and the key-encryption key ==

ALTER TABLE sftca.sealed_keys ADD COLUMN token text;
COMMENT ON COLUMN sftca.sealed_keys.token IS 'Which key of which PKCS#11 token, for people to read, when the private key is in one; what is sealed is then this URI.';

CREATE TABLE sftca.key_events (
    id           uuid NOT NULL DEFAULT pg_catalog.gen_random_uuid() CONSTRAINT key_event_taken PRIMARY KEY,
    at           timestamptz NOT NULL DEFAULT pg_catalog.clock_timestamp(),
    event        text NOT NULL CONSTRAINT key_event_unknown CHECK (event IN ('import', 'export', 'token', 'reseal', 'krl_version')),
    authority_id uuid,
    generation   int,
    actor        text NOT NULL DEFAULT session_user,
    detail       text NOT NULL DEFAULT ''
);
SELECT pg_catalog.pg_extension_config_dump('sftca.key_events', '');
COMMENT ON TABLE sftca.key_events IS 'What was done to keys by hand: added to only, never changed. Outlives what it tells of.';
COMMENT ON COLUMN sftca.key_events.actor IS 'The role that had logged in.';
COMMENT ON CONSTRAINT key_event_taken ON sftca.key_events IS 'There is such an event already.';
COMMENT ON CONSTRAINT key_event_unknown ON sftca.key_events IS 'An event is import, export, token, reseal or krl_version.';

CREATE FUNCTION sftca.key_note(what text, authority uuid, generation int, detail text) RETURNS void
LANGUAGE plpgsql VOLATILE PARALLEL UNSAFE SET search_path = pg_catalog, pg_temp AS $$
BEGIN
    INSERT INTO sftca.key_events (event, authority_id, generation, detail) VALUES (what, authority, generation, detail);
END $$;
COMMENT ON FUNCTION sftca.key_note(text, uuid, int, text) IS 'Adds a key event.';

CREATE FUNCTION sftca.seal() RETURNS void
LANGUAGE c VOLATILE PARALLEL UNSAFE SECURITY DEFINER SET search_path = pg_catalog, pg_temp AS 'MODULE_PATHNAME', 'sftca_seal';
COMMENT ON FUNCTION sftca.seal() IS
'Wipes the key-encryption key and every unsealed key: no process of this server signs or unseals anything until the server is started again, whether this transaction commits or not. Works on a standby too.';

CREATE FUNCTION sftca.is_sealed() RETURNS boolean
LANGUAGE c VOLATILE PARALLEL UNSAFE AS 'MODULE_PATHNAME', 'sftca_is_sealed';
COMMENT ON FUNCTION sftca.is_sealed() IS 'Whether seal() was called since the server was started.';

CREATE FUNCTION sftca.kek_previous() RETURNS bytea
LANGUAGE c VOLATILE PARALLEL UNSAFE AS 'MODULE_PATHNAME', 'sftca_kek_previous';
COMMENT ON FUNCTION sftca.kek_previous() IS 'How rows under the previous key-encryption key are marked; NULL when pg_sftca.previous_kek_* names none. Refuses: kek_missing, vault_sealed.';

CREATE FUNCTION sftca.reseal_bytes(authority uuid, generation int, algorithm text, purpose text, sealed bytea, mark bytea,
    OUT resealed bytea, OUT new_mark bytea)
LANGUAGE c STRICT VOLATILE PARALLEL UNSAFE AS 'MODULE_PATHNAME', 'sftca_reseal_bytes';
COMMENT ON FUNCTION sftca.reseal_bytes(uuid, int, text, text, bytea, bytea) IS
'What is sealed under the previous key-encryption key, sealed under the current one. Refuses: kek_missing, kek_wrong, key_damaged, vault_sealed.';

CREATE FUNCTION sftca.reseal(max_keys int DEFAULT 1000, OUT resealed bigint, OUT remaining bigint)
LANGUAGE plpgsql VOLATILE PARALLEL UNSAFE SECURITY DEFINER SET search_path = pg_catalog, pg_temp AS $$
DECLARE
    mine bytea;
    previous CONSTANT bytea := sftca.kek_previous();
    one record;
    made record;
BEGIN
    IF max_keys IS NULL OR max_keys NOT BETWEEN 1 AND 100000 THEN
        PERFORM sftca.refuse('22023', 'limit_range', 'One call seals 1 to 100000 keys anew.');
    END IF;
    mine := (SELECT s.kek_check FROM sftca.kek_status() s);
    IF previous IS NULL OR mine IS NULL THEN
        PERFORM sftca.refuse('SF503', 'kek_missing', 'Both the current and the previous key-encryption key are needed.');
    END IF;
    PERFORM sftca.commit_durably();
    resealed := 0;
    -- another call has the rows that are locked; a row that was retired meanwhile is gone
    FOR one IN SELECT s.authority_id, s.generation, a.algorithm, a.purpose, s.sealed, s.kek_check
                 FROM sftca.sealed_keys s JOIN sftca.authorities a ON a.id = s.authority_id
                WHERE s.kek_check <> mine ORDER BY s.authority_id, s.generation LIMIT max_keys FOR UPDATE OF s SKIP LOCKED LOOP
        made := sftca.reseal_bytes(one.authority_id, one.generation, one.algorithm, one.purpose, one.sealed, one.kek_check);
        UPDATE sftca.sealed_keys s SET sealed = made.resealed, kek_check = made.new_mark
         WHERE s.authority_id = one.authority_id AND s.generation = one.generation;
        resealed := resealed + 1;
    END LOOP;
    FOR one IN SELECT v.sealed, v.kek_check FROM sftca.vault_secret v
                WHERE v.kek_check <> mine AND resealed < max_keys FOR UPDATE SKIP LOCKED LOOP
        made := sftca.reseal_bytes('00000000-0000-0000-0000-000000000000', 0, 'hmac-sha256', 'vault_secret', one.sealed, one.kek_check);
        UPDATE sftca.vault_secret v SET sealed = made.resealed, kek_check = made.new_mark;
        resealed := resealed + 1;
    END LOOP;
    FOR one IN SELECT t.id, t.sealed, t.kek_check FROM sftca.transport_keys t
                WHERE t.kek_check <> mine AND t.expires_at > now() AND resealed < max_keys FOR UPDATE SKIP LOCKED LOOP
        made := sftca.reseal_bytes(one.id, 0, 'x25519', 'transport', one.sealed, one.kek_check);
        UPDATE sftca.transport_keys t SET sealed = made.resealed, kek_check = made.new_mark WHERE t.id = one.id;
        resealed := resealed + 1;
    END LOOP;
    SELECT (SELECT count(*) FROM sftca.sealed_keys s WHERE s.kek_check <> mine) + (SELECT count(*) FROM sftca.vault_secret v WHERE v.kek_check <> mine)
           + (SELECT count(*) FROM sftca.transport_keys t WHERE t.kek_check <> mine AND t.expires_at > now())
      INTO remaining;
    IF resealed > 0 THEN
        PERFORM sftca.key_note('reseal', NULL, NULL, format('%s sealed anew, %s to go', resealed, remaining));
    END IF;
END $$;
COMMENT ON FUNCTION sftca.reseal(int) IS
'Seals at most so many keys, and the vault secret, under the current key-encryption key instead of the previous one; call it until remaining is 0. Refuses: limit_range, kek_missing, kek_wrong, key_damaged, vault_sealed, not_durable.';

CREATE FUNCTION sftca.key_adopt(authority uuid, generation int, purpose text, wanted_algorithm text, source text, place text, passphrase_file text,
    OUT public_key text, OUT fingerprint text, OUT sealed bytea, OUT kek_check bytea,
    OUT certificate_pem text, OUT canary text, OUT canary_serial bigint, OUT algorithm text)
LANGUAGE c VOLATILE PARALLEL UNSAFE AS 'MODULE_PATHNAME', 'sftca_key_adopt';
COMMENT ON FUNCTION sftca.key_adopt(uuid, int, text, text, text, text, text) IS
'As key_generate(), for a key from source file, token, or new token key. Refuses: authority_purpose, algorithm_unsupported, key_algorithm, key_directory, file_name, file_refused, private_key_*, token_*, kek_missing.';

ALTER TABLE sftca.authority_keys ADD COLUMN issuer_name text CONSTRAINT issuer_name_malformed CHECK (issuer_name ~ '^([0-9a-f]{2})+$' AND pg_catalog.length(issuer_name) <= 1024);
COMMENT ON CONSTRAINT issuer_name_malformed ON sftca.authority_keys IS 'An issuer''s name is at most 512 bytes, in hex.';
COMMENT ON COLUMN sftca.authority_keys.issuer_name IS 'X.509, of an authority that was brought with its certificate: the subject of that (DER, hex), under which it goes on signing.';

CREATE FUNCTION sftca.chain_adopt(certificate_file text, public_key text, OUT certificate_pem text, OUT chain_pem text, OUT key_identifier text,
    OUT expires_at timestamptz, OUT issuer_name text)
LANGUAGE c VOLATILE PARALLEL UNSAFE AS 'MODULE_PATHNAME', 'sftca_chain_adopt';
COMMENT ON FUNCTION sftca.chain_adopt(text, text) IS
'Whether a certificate, with those above it, certifies this key as an authority, and its parts. Refuses: key_directory, file_name, file_refused, chain_* as chain_check() does.';

CREATE FUNCTION sftca.key_certified(authority uuid, new_generation int, certificate_file text) RETURNS void
LANGUAGE plpgsql VOLATILE PARALLEL UNSAFE SET search_path = pg_catalog, pg_temp AS $$
DECLARE
    good record;
BEGIN
    good := sftca.chain_adopt(certificate_file, (SELECT k.public_key FROM sftca.authority_keys k WHERE k.authority_id = authority AND k.generation = new_generation));
    UPDATE sftca.authorities a SET is_subordinate = good.chain_pem IS NOT NULL WHERE a.id = authority;
    UPDATE sftca.authority_keys k
       SET state = 'active', activated_at = now(), certificate_pem = good.certificate_pem, chain_pem = good.chain_pem,
           key_identifier = good.key_identifier, certificate_expires_at = good.expires_at, issuer_name = good.issuer_name
     WHERE k.authority_id = authority AND k.generation = new_generation;
END $$;
COMMENT ON FUNCTION sftca.key_certified(uuid, int, text) IS 'Gives a brought key the certificate that it came with. Refuses: what chain_adopt() refuses.';

CREATE FUNCTION sftca.key_bring(authority uuid, new_generation int, new_state text, purpose text, wanted_algorithm text, name text,
    source text, place text, passphrase_file text) RETURNS void
LANGUAGE plpgsql VOLATILE PARALLEL UNSAFE SET search_path = pg_catalog, pg_temp AS $$
DECLARE
    made record;
BEGIN
    PERFORM sftca.commit_durably();
    made := sftca.key_adopt(authority, new_generation, purpose, wanted_algorithm, source, place, passphrase_file);
    IF new_generation = 1 THEN
        -- what brings a key of X.509 has trust in it already: somebody outside certifies it, under the vault's name
        INSERT INTO sftca.authorities (id, purpose, algorithm, name, is_subordinate)
        VALUES (authority, purpose, made.algorithm, coalesce(name, ''), purpose = 'x509' AND source = 'file');
    END IF;
    INSERT INTO sftca.authority_keys (authority_id, generation, state, public_key, fingerprint, certificate_pem, canary, canary_serial, activated_at)
    SELECT authority, new_generation, s.state, made.public_key, made.fingerprint, CASE WHEN NOT a.is_subordinate THEN made.certificate_pem END,
           made.canary, made.canary_serial, CASE s.state WHEN 'active' THEN now() END
      FROM sftca.authorities a, LATERAL (SELECT CASE WHEN a.is_subordinate THEN 'next' ELSE new_state END AS state) s WHERE a.id = authority;
    INSERT INTO sftca.sealed_keys (authority_id, generation, sealed, kek_check, token)
    VALUES (authority, new_generation, made.sealed, made.kek_check, CASE WHEN source <> 'file' THEN place END);
    PERFORM sftca.key_note(CASE source WHEN 'file' THEN 'import' ELSE 'token' END, authority, new_generation,
                           format('%s from %s %s', made.fingerprint, source, place));
END $$;
COMMENT ON FUNCTION sftca.key_bring(uuid, int, text, text, text, text, text, text, text) IS 'Stores both halves of a generation whose key is not made here, and notes it. Refuses: what key_adopt() refuses, key_taken.';

CREATE FUNCTION sftca.key_bring_next(authority uuid, source text, place text, passphrase_file text) RETURNS int
LANGUAGE plpgsql VOLATILE PARALLEL UNSAFE SET search_path = pg_catalog, pg_temp AS $$
DECLARE
    owner sftca.authorities;
    made int;
BEGIN
    PERFORM sftca.authority_lock(authority);
    IF EXISTS (SELECT FROM sftca.authority_keys k WHERE k.authority_id = authority AND k.state = 'next') THEN
        PERFORM sftca.refuse('SF409', 'key_next_exists', 'The authority has a next key already.');
    END IF;
    SELECT * INTO owner FROM sftca.authorities a WHERE a.id = authority;
    SELECT max(k.generation) + 1 INTO made FROM sftca.authority_keys k WHERE k.authority_id = authority;
    PERFORM sftca.key_bring(authority, made, 'next', owner.purpose, owner.algorithm, NULL, source, place, passphrase_file);
    PERFORM sftca.krl_changed(authority);
    RETURN made;
END $$;
COMMENT ON FUNCTION sftca.key_bring_next(uuid, text, text, text) IS 'As key_prepare(), with a key that is not made here. Refuses: authority_unknown, key_next_exists, what key_adopt() refuses.';

CREATE FUNCTION sftca.authority_bring(purpose text, wanted_algorithm text, name text, source text, place text, passphrase_file text) RETURNS uuid
LANGUAGE plpgsql VOLATILE PARALLEL UNSAFE SET search_path = pg_catalog, pg_temp AS $$
DECLARE
    made CONSTANT uuid := gen_random_uuid();
BEGIN
    PERFORM sftca.key_bring(made, 1, 'active', purpose, wanted_algorithm, name, source, place, passphrase_file);
    IF purpose IN ('ssh_user', 'ssh_host') THEN
        INSERT INTO sftca.krl_versions (authority_id, version) VALUES (made, 1);
    END IF;
    RETURN made;
END $$;
COMMENT ON FUNCTION sftca.authority_bring(text, text, text, text, text, text) IS 'As authority_create(), with a key that is not made here. Refuses: authority_name_invalid, what key_adopt() refuses.';

CREATE FUNCTION sftca.authority_import(purpose text, key_file text, passphrase_file text DEFAULT NULL, name text DEFAULT '',
    certificate_file text DEFAULT NULL) RETURNS uuid
LANGUAGE plpgsql VOLATILE PARALLEL UNSAFE SECURITY DEFINER SET search_path = pg_catalog, pg_temp AS $$
DECLARE
    made uuid;
BEGIN
    IF certificate_file IS NOT NULL AND purpose IS DISTINCT FROM 'x509' THEN
        PERFORM sftca.refuse('22023', 'authority_purpose', 'Only an X.509 authority has a certificate.');
    END IF;
    made := sftca.authority_bring(purpose, NULL, name, 'file', key_file, passphrase_file);
    IF certificate_file IS NOT NULL THEN
        PERFORM sftca.key_certified(made, 1, certificate_file);
    END IF;
    RETURN made;
END $$;
COMMENT ON FUNCTION sftca.authority_import(text, text, text, text, text) IS
'Makes an authority of an existing private key: a file in pg_sftca.key_directory, PKCS#8 (PEM, encrypted if its passphrase is in another file there) or OpenSSH''s format. SSH: active at once. x509 with its certificate in certificate_file (PEM, followed by those above it up to the root, unless it is one): active, under the name of that certificate; without: subordinate, its generation 1 is next until authority_certify(). Refuses: key_directory, file_name, file_refused, private_key_malformed, private_key_format, private_key_encrypted, private_key_passphrase, private_key_type, private_key_weak, private_key_inconsistent, chain_malformed, chain_too_long, chain_key, chain_name, chain_order, chain_incomplete, chain_signature, chain_weak, chain_not_authority, chain_key_usage, chain_path_length, chain_validity, chain_key_identifier, chain_refused, key_taken, authority_purpose, authority_name_invalid, kek_missing.';

CREATE FUNCTION sftca.key_import(authority uuid, key_file text, passphrase_file text DEFAULT NULL) RETURNS int
LANGUAGE plpgsql VOLATILE PARALLEL UNSAFE SECURITY DEFINER SET search_path = pg_catalog, pg_temp AS $$
BEGIN
    RETURN sftca.key_bring_next(authority, 'file', key_file, passphrase_file);
END $$;
COMMENT ON FUNCTION sftca.key_import(uuid, text, text) IS
'Makes the next generation of an existing private key of the authority''s algorithm. Refuses: authority_unknown, key_next_exists, key_algorithm, what authority_import() refuses.';

CREATE FUNCTION sftca.authority_create_on_token(purpose text, token_key text, algorithm text DEFAULT 'ecdsa-p256', name text DEFAULT '',
    adopt boolean DEFAULT false) RETURNS uuid
LANGUAGE plpgsql VOLATILE PARALLEL UNSAFE SECURITY DEFINER SET search_path = pg_catalog, pg_temp AS $$
BEGIN
    RETURN sftca.authority_bring(purpose, CASE WHEN NOT adopt THEN algorithm END, name, CASE WHEN adopt THEN 'token' ELSE 'new token key' END, token_key, NULL);
END $$;
COMMENT ON FUNCTION sftca.authority_create_on_token(text, text, text, text, boolean) IS
'Makes an authority whose private key never leaves a PKCS#11 token: token_key is its RFC 7512 URI; made in the token, or with adopt an existing one, sensitive and not extractable. ECDSA or RSA. A key that was made stays in the token when this is rolled back. Refuses: token_uri_malformed, token_missing, token_key_exists, token_key_extractable, algorithm_unsupported, private_key_weak, private_key_inconsistent, key_taken, authority_purpose, authority_name_invalid, kek_missing.';

CREATE FUNCTION sftca.key_prepare_on_token(authority uuid, token_key text, adopt boolean DEFAULT false) RETURNS int
LANGUAGE plpgsql VOLATILE PARALLEL UNSAFE SECURITY DEFINER SET search_path = pg_catalog, pg_temp AS $$
BEGIN
    RETURN sftca.key_bring_next(authority, CASE WHEN adopt THEN 'token' ELSE 'new token key' END, token_key, NULL);
END $$;
COMMENT ON FUNCTION sftca.key_prepare_on_token(uuid, text, boolean) IS
'Makes the next generation of an authority in a token; the generations before may be in the vault or in another token. Refuses: authority_unknown, key_next_exists, key_algorithm, what authority_create_on_token() refuses.';

CREATE TABLE sftca.transport_keys (
    id         uuid NOT NULL DEFAULT pg_catalog.gen_random_uuid() CONSTRAINT transport_key_taken PRIMARY KEY,
    public_key text NOT NULL CONSTRAINT transport_key_repeated UNIQUE,
    sealed     bytea NOT NULL,
    kek_check  bytea NOT NULL,
    expires_at timestamptz NOT NULL DEFAULT pg_catalog.now() + interval '1 day'
);
SELECT pg_catalog.pg_extension_config_dump('sftca.transport_keys', '');
COMMENT ON TABLE sftca.transport_keys IS 'Keys to which another vault seals what it sends here; for a day each.';
COMMENT ON CONSTRAINT transport_key_taken ON sftca.transport_keys IS 'There is such a transport key already.';
COMMENT ON CONSTRAINT transport_key_repeated ON sftca.transport_keys IS 'No two transport keys are the same.';

CREATE FUNCTION sftca.transport_make(id uuid, OUT public_key text, OUT sealed bytea, OUT mark bytea)
LANGUAGE c STRICT VOLATILE PARALLEL UNSAFE AS 'MODULE_PATHNAME', 'sftca_transport_make';
COMMENT ON FUNCTION sftca.transport_make(uuid) IS 'A new transport key, born sealed. Refuses: kek_missing, vault_sealed.';

CREATE FUNCTION sftca.transport_key_create() RETURNS text
LANGUAGE plpgsql VOLATILE PARALLEL UNSAFE SECURITY DEFINER SET search_path = pg_catalog, pg_temp AS $$
DECLARE
    made record;
    new_id CONSTANT uuid := gen_random_uuid();
BEGIN
    PERFORM sftca.commit_durably();
    DELETE FROM sftca.transport_keys t WHERE t.expires_at <= now();
    made := sftca.transport_make(new_id);
    INSERT INTO sftca.transport_keys (id, public_key, sealed, kek_check) VALUES (new_id, made.public_key, made.sealed, made.mark);
    RETURN made.public_key;
END $$;
COMMENT ON FUNCTION sftca.transport_key_create() IS
'On the server that is to receive a key: the public key for key_export() on the one that sends it; good for a day. Bring it there by a way that nobody can change. Refuses: kek_missing, vault_sealed, not_durable.';

CREATE FUNCTION sftca.envelope_seal(authority uuid, generation int, algorithm text, purpose text, facts text, recipient text) RETURNS text
LANGUAGE c VOLATILE PARALLEL UNSAFE AS 'MODULE_PATHNAME', 'sftca_envelope_seal';
COMMENT ON FUNCTION sftca.envelope_seal(uuid, int, text, text, text, text) IS
'A generation, private key and all, sealed to a transport key. Refuses: transport_key_malformed, key_in_token, key_retired, kek_missing, kek_wrong, key_damaged, vault_sealed.';

CREATE FUNCTION sftca.key_export(authority uuid, generation int, recipient text) RETURNS text
LANGUAGE plpgsql VOLATILE PARALLEL UNSAFE SECURITY DEFINER SET search_path = pg_catalog, pg_temp AS $$
DECLARE
    owner sftca.authorities;
    own sftca.authority_keys;
    envelope text;
BEGIN
    IF sftca.authority_lock(authority) = 'statement' THEN
        PERFORM sftca.refuse('22023', 'authority_purpose', 'A statement key stays with its instance.');
    END IF;
    SELECT * INTO owner FROM sftca.authorities a WHERE a.id = authority;
    SELECT * INTO own FROM sftca.authority_keys k WHERE k.authority_id = authority AND k.generation = key_export.generation;
    IF NOT FOUND THEN
        PERFORM sftca.refuse('SF404', 'generation_unknown', 'The authority has no such generation.');
    ELSIF own.state = 'retired' THEN
        PERFORM sftca.refuse('SF409', 'key_retired', 'This generation is retired.');
    END IF;
    envelope := sftca.envelope_seal(authority, own.generation, owner.algorithm, owner.purpose, jsonb_build_object('owner', to_jsonb(owner), 'key', to_jsonb(own),
        'krl_version', (SELECT v.version FROM sftca.krl_versions v WHERE v.authority_id = authority))::text, recipient);
    PERFORM sftca.key_note('export', authority, own.generation, format('%s to %s', own.fingerprint, recipient));
    RETURN envelope;
END $$;
COMMENT ON FUNCTION sftca.key_export(uuid, int, text) IS
'A generation of an authority, private key and all, sealed to the transport key of another vault (transport_key_create() there): text for key_import_sealed() there. It stays here too. Refuses: authority_unknown, authority_purpose, generation_unknown, key_retired, key_in_token, transport_key_malformed, kek_missing, kek_wrong, vault_sealed, not_durable.';

CREATE FUNCTION sftca.envelope_open(id uuid, sealed bytea, mark bytea, envelope text, OUT authority uuid, OUT generation int, OUT algorithm text,
    OUT purpose text, OUT public_key text, OUT facts text, OUT resealed bytea, OUT new_mark bytea)
LANGUAGE c STRICT VOLATILE PARALLEL UNSAFE AS 'MODULE_PATHNAME', 'sftca_envelope_open';
COMMENT ON FUNCTION sftca.envelope_open(uuid, bytea, bytea, text) IS
'What is in an envelope, its private key sealed under the key-encryption key of this vault. Refuses: envelope_malformed, kek_missing, kek_wrong, vault_sealed.';

CREATE FUNCTION sftca.key_import_sealed(envelope text, recipient text, fingerprint text, OUT authority uuid, OUT generation int)
LANGUAGE plpgsql VOLATILE PARALLEL UNSAFE SECURITY DEFINER SET search_path = pg_catalog, pg_temp AS $$
DECLARE
    transport sftca.transport_keys;
    came record;
    owner sftca.authorities;
    own sftca.authority_keys;
BEGIN
    PERFORM sftca.commit_durably();
    IF envelope IS NULL OR recipient IS NULL OR fingerprint IS NULL THEN
        PERFORM sftca.refuse('22023', 'argument_missing', 'envelope, recipient or fingerprint is missing.');
    END IF;
    SELECT * INTO transport FROM sftca.transport_keys t WHERE t.public_key = recipient AND t.expires_at > now();
    IF NOT FOUND THEN
        PERFORM sftca.refuse('SF404', 'transport_key_unknown', 'There is no such transport key, or not any more.');
    END IF;
    came := sftca.envelope_open(transport.id, transport.sealed, transport.kek_check, envelope);
    own := jsonb_populate_record(NULL::sftca.authority_keys, came.facts::jsonb -> 'key');
    owner := jsonb_populate_record(NULL::sftca.authorities, came.facts::jsonb -> 'owner');
    -- anybody can seal something to a public key: what came is what was expected, and of one piece
    IF (sftca.parse_public_key(came.public_key)).fingerprint <> key_import_sealed.fingerprint THEN
        PERFORM sftca.refuse('22023', 'envelope_fingerprint', 'Another key is in the envelope.');
    ELSIF (owner.id, owner.purpose, owner.algorithm, own.authority_id, own.generation, own.public_key, own.fingerprint)
          IS DISTINCT FROM (came.authority, came.purpose, came.algorithm, came.authority, came.generation, came.public_key, key_import_sealed.fingerprint)
          OR own.state = 'retired' OR came.purpose = 'statement' THEN
        PERFORM sftca.refuse('22023', 'envelope_malformed', 'The envelope contradicts itself.');
    END IF;
    INSERT INTO sftca.authorities SELECT owner.* ON CONFLICT ON CONSTRAINT authority_taken DO NOTHING;
    PERFORM FROM sftca.authorities a WHERE a.id = owner.id AND a.purpose = owner.purpose AND a.algorithm = owner.algorithm FOR UPDATE;
    IF NOT FOUND THEN
        PERFORM sftca.refuse('SF409', 'authority_taken', 'There is another authority of this id.');
    END IF;
    INSERT INTO sftca.authority_keys SELECT own.*;
    INSERT INTO sftca.sealed_keys (authority_id, generation, sealed, kek_check) VALUES (came.authority, came.generation, came.resealed, came.new_mark);
    IF owner.purpose IN ('ssh_user', 'ssh_host') THEN
        INSERT INTO sftca.krl_versions AS v (authority_id, version) VALUES (owner.id, coalesce((came.facts::jsonb ->> 'krl_version')::bigint, 0) + 1)
        ON CONFLICT ON CONSTRAINT krl_version_exists DO UPDATE SET version = greatest(v.version, excluded.version) + 1, changed_at = clock_timestamp();
    END IF;
    PERFORM sftca.key_note('import', came.authority, came.generation, format('%s from an envelope to %s', own.fingerprint, recipient));
    authority := came.authority;
    generation := came.generation;
END $$;
COMMENT ON FUNCTION sftca.key_import_sealed(text, text, text) IS
'Takes what key_export() has sealed to a transport key of this vault: the same authority, generation, state, certificate and canary. fingerprint is that of the key that was to come, learnt otherwise. Revocations do not come along. Refuses: argument_missing, transport_key_unknown, envelope_malformed, envelope_fingerprint, authority_taken, generation_taken, key_taken, key_active_exists, key_next_exists, kek_missing, kek_wrong, vault_sealed, not_durable.';

CREATE FUNCTION sftca.krl_version_raise(authority uuid, at_least bigint) RETURNS bigint
LANGUAGE plpgsql VOLATILE PARALLEL UNSAFE SECURITY DEFINER SET search_path = pg_catalog, pg_temp AS $$
DECLARE
    was bigint;
BEGIN
    PERFORM sftca.commit_durably();
    SELECT v.version INTO was FROM sftca.krl_versions v WHERE v.authority_id = authority FOR UPDATE;
    IF NOT FOUND THEN
        PERFORM sftca.refuse('SF404', 'authority_unknown', 'There is no such SSH authority.');
    ELSIF at_least IS NULL OR at_least <= was OR at_least > was + 1000000 THEN
        PERFORM sftca.refuse('22023', 'krl_version_range', format('A version is raised from %s by at most a million.', was));
    END IF;
    UPDATE sftca.krl_versions v SET version = at_least, changed_at = clock_timestamp() WHERE v.authority_id = authority;
    PERFORM sftca.key_note('krl_version', authority, NULL, format('from %s to %s', was, at_least));
    RETURN at_least;
END $$;
COMMENT ON FUNCTION sftca.krl_version_raise(uuid, bigint) IS
'After a restore to an older dump: makes the revocation list newer than what servers have seen, or they refuse it as a rollback. Refuses: authority_unknown, krl_version_range, not_durable.';

CREATE OR REPLACE FUNCTION sftca.status(OUT kek text, OUT detail text, OUT authorities bigint, OUT sealed_keys bigint,
    OUT cached_keys int, OUT in_recovery boolean, OUT version text)
LANGUAGE plpgsql VOLATILE PARALLEL UNSAFE SECURITY DEFINER SET search_path = pg_catalog, pg_temp AS $$
DECLARE
    mine record;
    previous bytea;
    older bigint;
    strange bigint;
    secret_check CONSTANT bytea := (SELECT v.kek_check FROM sftca.vault_secret v);
BEGIN
    mine := sftca.kek_status();
    SELECT count(*) INTO authorities FROM sftca.authorities;
    IF mine.kek_check IS NOT NULL THEN
        previous := sftca.kek_previous();
    END IF;
    SELECT count(*), count(*) FILTER (WHERE s.kek_check = previous),
           count(*) FILTER (WHERE s.kek_check <> mine.kek_check AND s.kek_check IS DISTINCT FROM previous)
      INTO sealed_keys, older, strange FROM sftca.sealed_keys s;
    detail := coalesce(mine.reason,
        CASE WHEN strange > 0 THEN format('%s of %s keys are sealed under another key-encryption key', strange, sealed_keys)
             WHEN secret_check <> mine.kek_check AND secret_check IS DISTINCT FROM previous THEN 'the vault secret is sealed under another key-encryption key' END);
    kek := CASE WHEN sftca.is_sealed() THEN 'sealed' WHEN mine.kek_check IS NULL THEN 'missing' WHEN detail IS NOT NULL THEN 'wrong' ELSE 'ok' END;
    detail := coalesce(detail,
        CASE WHEN older > 0 THEN format('%s of %s keys are still sealed under the previous key-encryption key: call reseal()', older, sealed_keys)
             WHEN secret_check = previous THEN 'the vault secret is still sealed under the previous key-encryption key: call reseal()' END);
    cached_keys := mine.cached_keys;
    in_recovery := mine.in_recovery;
    SELECT e.extversion INTO version FROM pg_extension e WHERE e.extname = 'pg_sftca';
END $$;
COMMENT ON FUNCTION sftca.status() IS 'Whether the vault can sign: kek is ok, missing, wrong, or sealed (by seal(), until the server is started again). Refuses kek_missing when pg_sftca.previous_kek_* names a key that is not there.';

-- == SSH ==

CREATE FUNCTION sftca.parse_certificate(certificate text, OUT type text, OUT kind text, OUT serial numeric, OUT key_id text,
    OUT principals text[], OUT valid_after timestamptz, OUT valid_before timestamptz, OUT critical_options jsonb, OUT extensions jsonb,
    OUT public_key text, OUT fingerprint text, OUT authority_key text, OUT authority_fingerprint text,
    OUT signature_algorithm text, OUT is_verified boolean, OUT nonce bytea)
LANGUAGE c STRICT IMMUTABLE PARALLEL SAFE AS 'MODULE_PATHNAME', 'sftca_parse_certificate';
COMMENT ON FUNCTION sftca.parse_certificate(text) IS
'What is in an OpenSSH certificate ("type base64", at most 64 KiB), whoever made it. Kind is user or host; from ever is -infinity, for ever infinity; an option''s value that is no text is {"hex": …}. '
'is_verified is true, or NULL for a signature that counts for nothing (SHA-1). Refuses: certificate_malformed, certificate_signature_invalid, certificate_key_type, certificate_key_weak, '
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
'Whether sshd (kind user) or ssh (kind host) would take an SSH certificate: NULL, or why not. authorities: lines of a TrustedUserCAKeys file; principal NULL: any of its list; at NULL: now; address NULL: wherever the peer is, source-address is not asked; '
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
    -- the authority's lock before its list's, as in all that changes its keys
    SELECT a.purpose INTO found_purpose FROM sftca.authorities a WHERE a.id = authority AND a.purpose <> 'statement' FOR KEY SHARE;
    IF NOT FOUND THEN
        PERFORM sftca.refuse('SF404', 'authority_unknown', 'There is no such authority.');
    END IF;
    -- no certificate that is recorded by now lives longer (prepare.c)
    life := CASE found_purpose WHEN 'ssh_user' THEN interval '3 days' WHEN 'ssh_host' THEN interval '33 days' ELSE interval '400 days' END;
    version := coalesce(sftca.krl_changed(authority), 0);
    IF found_purpose = 'x509' THEN
        PERFORM sftca.crl_changed(authority);
    END IF;
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
    PERFORM sftca.crl_changed(x.id) FROM (SELECT a.id FROM sftca.authorities a WHERE a.purpose = 'x509' ORDER BY 1) x;
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

COMMENT ON COLUMN sftca.certificates.kind IS 'ssh_user, ssh_host, x509_client or x509_server.';
COMMENT ON COLUMN sftca.certificates.key_id IS 'SSH: the key id. X.509: the sft:// URI, empty for a server without one.';
COMMENT ON COLUMN sftca.certificates.principals IS 'SSH: the principals. x509_client: the common name. x509_server: DNS names and addresses.';
COMMENT ON COLUMN sftca.certificates.extensions IS
'SSH: name or name=value. X.509: organization=…, organizational_unit=…, of a server common_name=…, then each subject alternative name but the key_id as subject_alt_name=DNS:…, IP:…, URI:… or email:….';

CREATE FUNCTION sftca.prepare_x509_client(id uuid, authority uuid, public_key text, common_name text, organization text,
    organizational_unit text, uri text, valid_after timestamptz, valid_before timestamptz,
    dns_names text[], ip_addresses inet[] DEFAULT '{}', uris text[] DEFAULT '{}', emails text[] DEFAULT '{}') RETURNS bigint
LANGUAGE c VOLATILE PARALLEL UNSAFE SECURITY DEFINER SET search_path = pg_catalog, pg_temp SET enable_seqscan = off
AS 'MODULE_PATHNAME', 'sftca_prepare_x509_client';
COMMENT ON FUNCTION sftca.prepare_x509_client(uuid, uuid, text, text, text, text, text, timestamptz, timestamptz, text[], inet[], text[], text[]) IS
'The same with more names: at most 64 in all. Refuses: dns_name_invalid, dns_name_wildcard, ip_address_mask, ip_address_invalid, uri_invalid, email_invalid, alt_name_repeated, alt_name_too_many.';

CREATE FUNCTION sftca.prepare_x509_server(id uuid, authority uuid, public_key text, common_name text, organization text,
    organizational_unit text, uri text, valid_after timestamptz, valid_before timestamptz,
    dns_names text[], ip_addresses inet[] DEFAULT '{}', uris text[] DEFAULT '{}', emails text[] DEFAULT '{}', wildcards boolean DEFAULT false) RETURNS bigint
LANGUAGE c VOLATILE PARALLEL UNSAFE SECURITY DEFINER SET search_path = pg_catalog, pg_temp SET enable_seqscan = off
AS 'MODULE_PATHNAME', 'sftca_prepare_x509_server';
COMMENT ON FUNCTION sftca.prepare_x509_server(uuid, uuid, text, text, text, text, text, timestamptz, timestamptz, text[], inet[], text[], text[], boolean) IS
'Records an X.509 server certificate (at most 32 days, EKU serverAuth) that finish() will sign once this transaction is committed; returns its serial. common_name and uri may be NULL. Refuses: alt_name_missing, alt_name_repeated, alt_name_too_many, dns_name_invalid, dns_name_wildcard, ip_address_mask, ip_address_invalid, uri_invalid, email_invalid, common_name_invalid, validity_beyond_authority.';

CREATE OR REPLACE FUNCTION sftca.revoke(authority uuid, serial_from bigint, serial_to bigint, reason text) RETURNS bigint
LANGUAGE plpgsql VOLATILE PARALLEL UNSAFE SECURITY DEFINER SET search_path = pg_catalog, pg_temp AS $$
DECLARE
    found_purpose text;
    version bigint;
BEGIN
    PERFORM sftca.commit_durably();
    -- the authority's lock before its list's, as in all that changes its keys
    SELECT a.purpose INTO found_purpose FROM sftca.authorities a WHERE a.id = authority FOR KEY SHARE;
    IF NOT FOUND THEN
        PERFORM sftca.refuse('SF404', 'authority_unknown', 'There is no such authority.');
    END IF;
    IF found_purpose = 'x509' THEN
        PERFORM sftca.crl_changed(authority);
    END IF;
    version := coalesce(sftca.krl_changed(authority), 0);
    -- No certificate lives longer than prepare.c and prepare_x509.c allow after its serial was made.
    INSERT INTO sftca.revocations (authority_id, serial_from, serial_to, reason, expires_at)
    VALUES (authority, serial_from, serial_to, reason,
            sftca.serial_time(serial_to) + CASE WHEN found_purpose IN ('ssh_host', 'x509') THEN interval '33 days' ELSE interval '3 days' END);
    RETURN version;
END $$;

CREATE TABLE sftca.crl_versions (
    authority_id uuid NOT NULL CONSTRAINT crl_version_exists PRIMARY KEY CONSTRAINT crl_authority_unknown REFERENCES sftca.authorities (id),
    version      bigint NOT NULL,
    changed_at   timestamptz NOT NULL
);
SELECT pg_catalog.pg_extension_config_dump('sftca.crl_versions', '');
COMMENT ON TABLE sftca.crl_versions IS 'The upper half of the numbers of an authority''s X.509 lists. Its row lock puts revocations in order.';
COMMENT ON COLUMN sftca.crl_versions.version IS 'Greater after each revocation, whatever the clock does; at least its seconds since 1970.';
COMMENT ON CONSTRAINT crl_version_exists ON sftca.crl_versions IS 'The authority has such a row already.';
COMMENT ON CONSTRAINT crl_authority_unknown ON sftca.crl_versions IS 'There is no such authority.';

CREATE FUNCTION sftca.crl_changed(authority uuid) RETURNS void
LANGUAGE plpgsql VOLATILE PARALLEL UNSAFE SET search_path = pg_catalog, pg_temp AS $$
DECLARE
    seconds bigint := floor(extract(epoch FROM clock_timestamp()));
BEGIN
    INSERT INTO sftca.crl_versions AS v (authority_id, version, changed_at) VALUES (authority, seconds, clock_timestamp())
    ON CONFLICT ON CONSTRAINT crl_version_exists
    DO UPDATE SET version = greatest(v.version + 1, seconds), changed_at = clock_timestamp();
END $$;
COMMENT ON FUNCTION sftca.crl_changed(uuid) IS 'Raises the numbers of an authority''s X.509 lists above all before.';

CREATE FUNCTION sftca.crl_sign(authority uuid, generation int, numbered boolean) RETURNS bytea
LANGUAGE c VOLATILE PARALLEL UNSAFE SECURITY DEFINER SET search_path = pg_catalog, pg_temp SET enable_seqscan = off
AS 'MODULE_PATHNAME', 'sftca_crl_sign';
COMMENT ON FUNCTION sftca.crl_sign(uuid, int, boolean) IS
'The list of one generation, its number above those of all lists that knew fewer revocations. Refuses: transaction_has_written, standby, key_retired, authority_purpose, certificate_missing.';

CREATE OR REPLACE FUNCTION sftca.crl(authority uuid, generation int DEFAULT NULL) RETURNS bytea
LANGUAGE plpgsql VOLATILE PARALLEL UNSAFE SECURITY DEFINER SET search_path = pg_catalog, pg_temp AS $$
DECLARE
    wanted record;
BEGIN
    IF NOT EXISTS (SELECT FROM sftca.authorities a WHERE a.id = authority) THEN
        PERFORM sftca.refuse('SF404', 'authority_unknown', 'There is no such authority.');
    END IF;
    SELECT k.generation, a.purpose = 'x509' AND k.certificate_pem IS NULL AS is_waiting INTO wanted
      FROM sftca.authority_keys k JOIN sftca.authorities a ON a.id = k.authority_id
     WHERE k.authority_id = authority AND CASE WHEN crl.generation IS NULL THEN k.state = 'active' ELSE k.generation = crl.generation END;
    IF NOT FOUND THEN
        PERFORM sftca.refuse('SF404', 'generation_unknown', 'The authority has no such generation.');
    ELSIF wanted.is_waiting THEN
        PERFORM sftca.refuse('SF409', 'certificate_missing', 'This generation has no certificate yet.');
    END IF;
    RETURN sftca.crl_sign(authority, wanted.generation, true);
END $$;
COMMENT ON FUNCTION sftca.crl(uuid, int) IS
'An X.509 revocation list (DER) of a generation, the active one by default; good for 7 days. Refuses: authority_unknown, generation_unknown, certificate_missing, key_retired, authority_purpose, transaction_has_written, standby.';

CREATE OR REPLACE FUNCTION sftca.crl_bundle(authority uuid) RETURNS text
LANGUAGE plpgsql VOLATILE PARALLEL UNSAFE SECURITY DEFINER SET search_path = pg_catalog, pg_temp AS $$
DECLARE
    one int;
    bundle text := '';
BEGIN
    -- a subordinate generation that waits for its certificate has no list either
    FOR one IN SELECT k.generation FROM sftca.authority_keys k JOIN sftca.authorities a ON a.id = k.authority_id
                WHERE k.authority_id = authority AND k.state <> 'retired' AND (k.certificate_pem IS NOT NULL OR a.purpose <> 'x509') ORDER BY 1 LOOP
        bundle := bundle || format(E'-----BEGIN X509 CRL-----\n%s\n-----END X509 CRL-----\n', rtrim(regexp_replace(
            translate(encode(sftca.crl_sign(authority, one, true), 'base64'), E'\n', ''), '(.{64})', E'\\1\n', 'g'), E'\n'));
    END LOOP;
    IF bundle = '' THEN
        PERFORM sftca.authority_need(authority);
        PERFORM sftca.refuse('SF409', 'certificate_missing', 'No generation of this authority has a certificate yet.');
    END IF;
    RETURN bundle;
END $$;
COMMENT ON FUNCTION sftca.crl_bundle(uuid) IS
'A list for each of the authority''s own certificates in the trust bundle, as PEM: a verifier that has a list for one wants them for all. Refuses: authority_unknown, authority_purpose, certificate_missing, transaction_has_written, standby.';

CREATE FUNCTION sftca.csr_key(csr text) RETURNS text
LANGUAGE c IMMUTABLE PARALLEL SAFE AS 'MODULE_PATHNAME', 'sftca_csr_key';
COMMENT ON FUNCTION sftca.csr_key(text) IS
'The public key of a certification request (PKCS#10, PEM or base64 of DER, at most 64 KiB), in SSH text form as every prepare function takes it. The request must be signed by that key; its names and extensions mean nothing. Refuses: argument_missing, csr_malformed, csr_signature, csr_signature_algorithm, public_key_type, public_key_weak, public_key_point.';

CREATE FUNCTION sftca.parse_csr(csr text, OUT subject text, OUT public_key text, OUT key_type text, OUT key_bits int, OUT key_fingerprint text,
    OUT signature_algorithm text, OUT requested_names text[], OUT attributes int)
LANGUAGE c IMMUTABLE PARALLEL SAFE AS 'MODULE_PATHNAME', 'sftca_parse_csr';
COMMENT ON FUNCTION sftca.parse_csr(text) IS
'What a certification request says, to be looked at: its key is proven, its names are wishes. Refuses as csr_key() does.';

CREATE FUNCTION sftca.parse_certificate_x509(certificate text, OUT "position" int, OUT version int, OUT serial numeric, OUT issuer text, OUT subject text,
    OUT valid_after timestamptz, OUT valid_before timestamptz, OUT key_type text, OUT key_bits int, OUT public_key text, OUT key_fingerprint text,
    OUT subject_key_identifier text, OUT authority_key_identifier text, OUT is_authority boolean, OUT path_length int,
    OUT key_usage text[], OUT extended_key_usage text[], OUT alt_names text[], OUT unknown_critical text[],
    OUT signature_algorithm text, OUT fingerprint text) RETURNS SETOF record
LANGUAGE c IMMUTABLE PARALLEL SAFE AS 'MODULE_PATHNAME', 'sftca_parse_certificate_x509';
COMMENT ON FUNCTION sftca.parse_certificate_x509(text) IS
'What X.509 certificates say, one row for each: PEM of at most 1 MiB, or base64 of the DER of one. Names as in RFC 4514; valid_before is the first second at which it is not good any more; public_key in SSH text form, NULL where SSH has no name for it or it is weak; identifiers and fingerprint (SHA-256 of the DER) in hexadecimal; path_length NULL for none. Nothing is verified. Refuses: argument_missing, certificate_malformed.';

CREATE FUNCTION sftca.parse_certificate_x509(certificate bytea, OUT "position" int, OUT version int, OUT serial numeric, OUT issuer text, OUT subject text,
    OUT valid_after timestamptz, OUT valid_before timestamptz, OUT key_type text, OUT key_bits int, OUT public_key text, OUT key_fingerprint text,
    OUT subject_key_identifier text, OUT authority_key_identifier text, OUT is_authority boolean, OUT path_length int,
    OUT key_usage text[], OUT extended_key_usage text[], OUT alt_names text[], OUT unknown_critical text[],
    OUT signature_algorithm text, OUT fingerprint text) RETURNS SETOF record
LANGUAGE c IMMUTABLE PARALLEL SAFE AS 'MODULE_PATHNAME', 'sftca_parse_certificate_x509_der';
COMMENT ON FUNCTION sftca.parse_certificate_x509(bytea) IS 'The same of the DER of one certificate. Refuses: argument_missing, certificate_malformed.';

CREATE FUNCTION sftca.parse_crl(crl text, OUT issuer text, OUT number numeric, OUT this_update timestamptz, OUT next_update timestamptz,
    OUT authority_key_identifier text, OUT signature_algorithm text, OUT serial numeric, OUT revoked_at timestamptz, OUT reason text) RETURNS SETOF record
LANGUAGE c IMMUTABLE PARALLEL SAFE AS 'MODULE_PATHNAME', 'sftca_parse_crl';
COMMENT ON FUNCTION sftca.parse_crl(text) IS
'What X.509 revocation lists (PEM of at most 64 MiB, or base64 of the DER of one) say: a row for each entry, for an empty list one whose serial is NULL. reason in the words of revoke(), unspecified for none. Nothing is verified. Refuses: argument_missing, crl_malformed.';

CREATE FUNCTION sftca.parse_crl(crl bytea, OUT issuer text, OUT number numeric, OUT this_update timestamptz, OUT next_update timestamptz,
    OUT authority_key_identifier text, OUT signature_algorithm text, OUT serial numeric, OUT revoked_at timestamptz, OUT reason text) RETURNS SETOF record
LANGUAGE c IMMUTABLE PARALLEL SAFE AS 'MODULE_PATHNAME', 'sftca_parse_crl_der';
COMMENT ON FUNCTION sftca.parse_crl(bytea) IS 'The same of the DER of one list, as crl() returns it. Refuses: argument_missing, crl_malformed.';

CREATE FUNCTION sftca.verify_x509(certificate text, trust text, at timestamptz DEFAULT NULL, purpose text DEFAULT 'any', crl text DEFAULT NULL, name text DEFAULT NULL) RETURNS text
LANGUAGE c VOLATILE PARALLEL SAFE AS 'MODULE_PATHNAME', 'sftca_verify_x509';
COMMENT ON FUNCTION sftca.verify_x509(text, text, timestamptz, text, text, text) IS
'NULL when a certificate (PEM, followed by what its holder shows) is good at that time (NULL: now) for that purpose (client, server, any), as a strict TLS program decides it that trusts this (PEM, as trust_bundle() returns it); with crl (PEM, as crl_bundle() returns it) whether it is revoked, not whether one above it is; with name whether it is for that host name or address. '
'Else one of: certificate_malformed, trust_malformed, crl_malformed, certificate_expired, certificate_not_yet_valid, issuer_unknown, signature_invalid, certificate_revoked, purpose_wrong, name_wrong, authority_invalid, crl_missing, crl_expired, crl_not_yet_valid, crl_invalid, key_weak, certificate_invalid. Refuses: argument_missing, purpose_invalid, too_long.';

-- == verification ==

CREATE FUNCTION sftca.verify(key text, message bytea, signature bytea, algorithm text) RETURNS boolean
LANGUAGE c STRICT IMMUTABLE PARALLEL SAFE AS 'MODULE_PATHNAME', 'sftca_verify_as';
COMMENT ON FUNCTION sftca.verify(text, bytea, bytea, text) IS
'Whether a signature of the named algorithm is good: ed25519; ecdsa-p256-sha256, ecdsa-p384-sha384, ecdsa-p521-sha512 (r||s, as long as the field), the same with -der (ASN.1); '
'rsa-v1_5-sha256, rsa-v1_5-sha512, rsa-pss-sha256, rsa-pss-sha512 (salt as long as the hash); ssh (an SSH signature blob, never SHA-1). Refuses: algorithm_unsupported, public_key_type (the key is of another algorithm), public_key_malformed and its kin.';

CREATE FUNCTION sftca.signature_base(method text, authority text, target bytea, content_digest text, signature_input text) RETURNS text
LANGUAGE c IMMUTABLE PARALLEL SAFE AS 'MODULE_PATHNAME', 'sftca_signature_base';
COMMENT ON FUNCTION sftca.signature_base(text, text, bytea, text, text) IS
'What the signature of a request is over, line by line (RFC 9421 in the form of docs/wire.md 2): to see why verify_request says signature_invalid. NULL when a field is not of that form.';

CREATE FUNCTION sftca.base64url_decode(encoded text) RETURNS bytea
LANGUAGE c STRICT IMMUTABLE PARALLEL SAFE AS 'MODULE_PATHNAME', 'sftca_base64url_decode';
COMMENT ON FUNCTION sftca.base64url_decode(text) IS 'The bytes; NULL for anything but the one canonical form (no padding, no white space, no bits left over).';

CREATE FUNCTION sftca.json_strict(document bytea) RETURNS jsonb
LANGUAGE c STRICT IMMUTABLE PARALLEL SAFE AS 'MODULE_PATHNAME', 'sftca_json_strict';
COMMENT ON FUNCTION sftca.json_strict(bytea) IS
'The JSON object that these bytes are, or NULL: not UTF-8, not JSON, no object, a name twice at any depth, deeper than 16, longer than 64 KiB, \u0000, a number of more than 32 characters.';

CREATE FUNCTION sftca.ssh_string(bytes bytea) RETURNS bytea
LANGUAGE sql IMMUTABLE STRICT PARALLEL SAFE SET search_path = pg_catalog, pg_temp AS $$
    SELECT int4send(length(bytes)) || bytes
$$;
COMMENT ON FUNCTION sftca.ssh_string(bytea) IS 'Length and bytes, as SSH has strings.';

CREATE FUNCTION sftca.jwk_field(jwk jsonb, name text, width int, minimal boolean) RETURNS bytea
LANGUAGE plpgsql IMMUTABLE PARALLEL SAFE SET search_path = pg_catalog, pg_temp AS $$
DECLARE
    bytes bytea := CASE jsonb_typeof(jwk->name) WHEN 'string' THEN sftca.base64url_decode(jwk->>name) END;
BEGIN
    IF bytes IS NULL OR length(bytes) = 0 OR length(bytes) > 1024 OR length(bytes) <> coalesce(width, length(bytes))
       OR (minimal AND get_byte(bytes, 0) = 0) THEN
        PERFORM sftca.refuse('22023', 'jwk_malformed', format('jwk: %s is missing or not in its one form', name));
    END IF;
    RETURN bytes;
END $$;
COMMENT ON FUNCTION sftca.jwk_field(jsonb, text, int, boolean) IS 'A number of a JWK. Refuses: jwk_malformed.';

CREATE FUNCTION sftca.jwk_public_key(jwk jsonb) RETURNS text
LANGUAGE plpgsql IMMUTABLE PARALLEL SAFE SET search_path = pg_catalog, pg_temp AS $$
DECLARE
    shape text := coalesce(jwk->>'kty', '') || ' ' || coalesce(jwk->>'crv', '');
    bits int := CASE jwk->>'crv' WHEN 'P-256' THEN 256 WHEN 'P-384' THEN 384 WHEN 'P-521' THEN 521 END;
    type text := CASE WHEN shape = 'RSA ' THEN 'ssh-rsa' WHEN shape = 'OKP Ed25519' THEN 'ssh-ed25519'
                      WHEN jwk->>'kty' = 'EC' THEN 'ecdsa-sha2-nistp' || bits END;
    blob bytea := sftca.ssh_string(convert_to(type, 'UTF8'));
    n bytea;
    line text;
BEGIN
    IF jsonb_typeof(jwk) IS DISTINCT FROM 'object' THEN
        PERFORM sftca.refuse('22023', 'jwk_malformed', 'jwk: not an object');
    ELSIF jwk->>'kty' = 'oct' THEN
        PERFORM sftca.refuse('22023', 'jwk_symmetric', 'jwk: a shared secret verifies nothing here');
    ELSIF jwk ?| ARRAY['d', 'p', 'q', 'dp', 'dq', 'qi', 'oth', 'k'] THEN
        PERFORM sftca.refuse('22023', 'jwk_is_private', 'jwk: a private key where a public one is expected');
    ELSIF type IS NULL THEN
        PERFORM sftca.refuse('22023', 'jwk_type', 'jwk: kty and crv must be RSA, EC with P-256, P-384 or P-521, or OKP with Ed25519');
    END IF;
    IF type = 'ssh-rsa' THEN
        blob := blob || sftca.ssh_string(sftca.jwk_field(jwk, 'e', NULL, true));
        n := sftca.jwk_field(jwk, 'n', NULL, true);
        blob := blob || sftca.ssh_string(CASE WHEN get_byte(n, 0) > 127 THEN '\x00'::bytea ELSE '' END || n);
    ELSIF type = 'ssh-ed25519' THEN
        blob := blob || sftca.ssh_string(sftca.jwk_field(jwk, 'x', 32, false));
    ELSE
        blob := blob || sftca.ssh_string(convert_to('nistp' || bits, 'UTF8'))
             || sftca.ssh_string('\x04' || sftca.jwk_field(jwk, 'x', (bits + 7) / 8, false) || sftca.jwk_field(jwk, 'y', (bits + 7) / 8, false));
    END IF;
    line := type || ' ' || translate(encode(blob, 'base64'), E'\n', '');
    PERFORM sftca.parse_public_key(line);
    RETURN line;
END $$;
COMMENT ON FUNCTION sftca.jwk_public_key(jsonb) IS
'A JSON Web Key (RFC 7517: RSA, EC, Ed25519) as an SSH public key. Refuses: jwk_malformed, jwk_symmetric, jwk_is_private, jwk_type, public_key_weak, public_key_point and their kin.';

CREATE FUNCTION sftca.jwk_serves(jwk jsonb, alg text) RETURNS boolean
LANGUAGE sql IMMUTABLE PARALLEL SAFE SET search_path = pg_catalog, pg_temp AS $$
    SELECT coalesce(
        CASE WHEN alg IN ('RS256', 'PS256') THEN jwk->>'kty' = 'RSA'
             WHEN alg = 'ES256' THEN jwk->>'kty' = 'EC' AND jwk->>'crv' = 'P-256'
             WHEN alg = 'ES384' THEN jwk->>'kty' = 'EC' AND jwk->>'crv' = 'P-384'
             WHEN alg = 'EdDSA' THEN jwk->>'kty' = 'OKP' AND jwk->>'crv' = 'Ed25519' END
        AND (NOT jwk ? 'alg' OR jwk->'alg' = to_jsonb(alg))
        AND (NOT jwk ? 'use' OR jwk->'use' = '"sig"')
        AND (NOT jwk ? 'key_ops' OR (jsonb_typeof(jwk->'key_ops') = 'array' AND jwk->'key_ops' ? 'verify')), false)
$$;
COMMENT ON FUNCTION sftca.jwk_serves(jsonb, text) IS 'Whether a JWK''s type and curve are the algorithm''s, and its alg, use and key_ops, where it has them, allow verifying with it.';

CREATE FUNCTION sftca.jws_key(keys jsonb, header jsonb, OUT error text, OUT jwk jsonb)
LANGUAGE plpgsql IMMUTABLE PARALLEL SAFE SET search_path = pg_catalog, pg_temp AS $$
DECLARE
    candidates jsonb[] := CASE jsonb_typeof(keys->'keys') WHEN 'array' THEN ARRAY(SELECT jsonb_array_elements(keys->'keys')) ELSE ARRAY[keys] END;
    serving jsonb[];
BEGIN
    IF header ? 'kid' THEN
        -- a key that was given alone may have no name
        candidates := ARRAY(SELECT c FROM unnest(candidates) c WHERE c->'kid' = header->'kid' OR (NOT keys ? 'keys' AND NOT c ? 'kid'));
    END IF;
    serving := ARRAY(SELECT c FROM unnest(candidates) c WHERE sftca.jwk_serves(c, header->>'alg'));
    jwk := serving[1];
    error := CASE WHEN cardinality(candidates) = 0 THEN 'key_unknown' WHEN cardinality(serving) = 0 THEN 'key_not_for_algorithm'
                  WHEN cardinality(serving) > 1 THEN 'key_ambiguous' END;
END $$;
COMMENT ON FUNCTION sftca.jws_key(jsonb, jsonb) IS 'Which key of a JWK or a JWK set a token''s header means: by kid, else the only one that serves. Says: key_unknown, key_not_for_algorithm, key_ambiguous.';

CREATE FUNCTION sftca.jws_header(encoded text, algorithms text[], OUT error text, OUT header jsonb)
LANGUAGE plpgsql IMMUTABLE PARALLEL SAFE SET search_path = pg_catalog, pg_temp AS $$
BEGIN
    header := sftca.json_strict(sftca.base64url_decode(encoded));
    error := CASE
        WHEN header IS NULL OR jsonb_typeof(header->'alg') IS DISTINCT FROM 'string' THEN 'header_malformed'
        WHEN header ? 'kid' AND jsonb_typeof(header->'kid') <> 'string' THEN 'header_malformed'
        WHEN header ? 'crit' OR header ? 'b64' THEN 'header_critical'
        WHEN NOT coalesce(header->>'alg' = ANY (algorithms), false) OR header->>'alg' NOT IN ('RS256', 'PS256', 'ES256', 'ES384', 'EdDSA') THEN 'algorithm_not_allowed' END;
END $$;
COMMENT ON FUNCTION sftca.jws_header(text, text[]) IS 'The header of a token. Says: header_malformed, header_critical, algorithm_not_allowed.';

CREATE FUNCTION sftca.jws_verify(token text, keys jsonb, algorithms text[] DEFAULT '{RS256,PS256,ES256,ES384,EdDSA}',
    OUT error text, OUT header jsonb, OUT payload bytea, OUT claims jsonb)
LANGUAGE plpgsql IMMUTABLE SET search_path = pg_catalog, pg_temp AS $$
DECLARE
    part text[] := string_to_array(token, '.');
    found_header record;
    found_key record;
    signature bytea;
    key text;
BEGIN
    error := CASE WHEN token IS NULL OR keys IS NULL OR algorithms IS NULL THEN 'argument_missing' WHEN octet_length(token) > 65536 THEN 'token_too_long'
                  WHEN cardinality(part) <> 3 OR '' = ANY (part[1:1] || part[3]) THEN 'token_malformed' END;
    IF error IS NOT NULL THEN RETURN; END IF;
    signature := sftca.base64url_decode(part[3]);
    payload := sftca.base64url_decode(part[2]);
    found_header := sftca.jws_header(part[1], algorithms);
    error := CASE WHEN signature IS NULL OR payload IS NULL THEN 'token_malformed' ELSE found_header.error END;
    IF error IS NULL THEN
        found_key := sftca.jws_key(keys, found_header.header);
        error := found_key.error;
    END IF;
    IF error IS NULL THEN
        BEGIN
            key := sftca.jwk_public_key(found_key.jwk);
        EXCEPTION WHEN invalid_parameter_value THEN
            GET STACKED DIAGNOSTICS error = CONSTRAINT_NAME;
        END;
    END IF;
    IF error IS NULL AND NOT sftca.verify(key, convert_to(part[1] || '.' || part[2], 'UTF8'), signature,
           CASE found_header.header->>'alg' WHEN 'RS256' THEN 'rsa-v1_5-sha256' WHEN 'PS256' THEN 'rsa-pss-sha256' WHEN 'ES256' THEN 'ecdsa-p256-sha256'
                WHEN 'ES384' THEN 'ecdsa-p384-sha384' ELSE 'ed25519' END) THEN
        error := 'signature_invalid';
    END IF;
    IF error IS NULL THEN
        header := found_header.header;
        claims := sftca.json_strict(payload);
    ELSE
        payload := NULL; -- nobody reads what nobody signed
    END IF;
END $$;
COMMENT ON FUNCTION sftca.jws_verify(text, jsonb, text[]) IS
'A compact JWS (RFC 7515) against a JWK or a JWK set: error is NULL and header, payload and claims (the payload, when it is one strict JSON object, else NULL) are there; or error says why not and nothing else is. '
'Never none, never HMAC; keys inside the token (jwk, jku, x5c, x5u) are never used. Times, issuer and audience are the caller''s to check. Says: argument_missing, token_too_long (64 KiB), token_malformed, header_malformed, '
'header_critical (crit, b64), algorithm_not_allowed, key_unknown, key_not_for_algorithm, key_ambiguous, jwk_malformed, jwk_is_private, public_key_weak, public_key_point and their kin, signature_invalid.';

-- == keeping house ==

CREATE FUNCTION sftca.purge(before timestamptz, most int DEFAULT 10000, OUT certificates int, OUT revocations int, OUT oldest timestamptz, OUT is_done boolean)
LANGUAGE plpgsql VOLATILE PARALLEL UNSAFE SECURITY DEFINER SET search_path = pg_catalog, pg_temp SET enable_seqscan = off AS $$
DECLARE
    named int;
BEGIN
    IF before IS NULL OR before = '-infinity' OR most IS NULL OR NOT most BETWEEN 1 AND 1000000 THEN
        PERFORM sftca.refuse('22023', 'purge_invalid', 'A moment and a batch of 1 to 1000000 are needed.');
    ELSIF before > now() - interval '10 days' THEN
        -- what expired later can be in a list that somebody still goes by (7 days), or that must still name it (1 day)
        PERFORM sftca.refuse('22023', 'purge_too_young', 'Only what expired more than 10 days ago can be removed.');
    END IF;
    -- What expired before then was recorded before then, and serials are in the order of their making: the index gives the oldest first.
    DELETE FROM sftca.certificates c WHERE c.id IN (
        SELECT o.id FROM sftca.certificates o
         WHERE o.serial < sftca.serial_at(least(before, timestamptz '2089-01-01')) AND o.valid_before < before
         ORDER BY o.serial LIMIT most FOR UPDATE SKIP LOCKED);
    GET DIAGNOSTICS certificates = ROW_COUNT;
    -- A revocation goes when no list names it any more and none of its certificates is left.
    DELETE FROM sftca.revocations r WHERE r.id IN (
        SELECT o.id FROM sftca.revocations o
         WHERE o.expires_at < before AND NOT EXISTS (
               SELECT FROM sftca.certificates c WHERE c.serial BETWEEN o.serial_from AND o.serial_to AND c.authority_id = o.authority_id)
         LIMIT most FOR UPDATE SKIP LOCKED);
    GET DIAGNOSTICS revocations = ROW_COUNT;
    DELETE FROM sftca.name_revocations r WHERE r.id IN (
        SELECT o.id FROM sftca.name_revocations o
         WHERE o.expires_at < before AND NOT EXISTS (
               SELECT FROM sftca.certificates c WHERE c.recorded_at < o.expires_at AND (c.fingerprint = o.fingerprint OR (c.authority_id, c.key_id) = (o.authority_id, o.key_id)))
         LIMIT most FOR UPDATE SKIP LOCKED);
    GET DIAGNOSTICS named = ROW_COUNT;
    revocations := revocations + named;
    SELECT sftca.serial_time(c.serial) INTO oldest FROM sftca.certificates c ORDER BY c.serial LIMIT 1;
    is_done := certificates < most AND revocations < most;
END $$;
COMMENT ON FUNCTION sftca.purge(timestamptz, int) IS
'Removes the records of certificates that expired before a moment, the oldest first, and the revocations that concern nothing any more; at most so many of each at a call (1 to 1000000): call it, each time in a transaction of its own, until is_done. '
'before is at least 10 days ago: nothing that could still be finished or must still be in a list is removed. oldest is when the oldest record left was made. Ids of removed records can be used again. Refuses: purge_invalid, purge_too_young.';

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
