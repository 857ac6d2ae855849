-- SPDX-License-Identifier: PostgreSQL
-- 100_teams.sql - the instance and its teams.

CREATE FUNCTION sft_core.instance_set(by sft.actor, name text, url text, authority text,
    tls_authority text) RETURNS void
LANGUAGE plpgsql AS $$
BEGIN
    IF NOT EXISTS (SELECT FROM sftca.statement_keys k WHERE k.state = 'active') THEN
        PERFORM sftca.statement_key_create();
    END IF;
    INSERT INTO sft.instance AS i (name, url, authority, tls_authority)
    VALUES (instance_set.name, instance_set.url, lower(instance_set.authority),
        coalesce(instance_set.tls_authority, ''))
    ON CONFLICT (singleton) DO UPDATE SET name = EXCLUDED.name, url = EXCLUDED.url, authority = EXCLUDED.authority,
        tls_authority = EXCLUDED.tls_authority, version = i.version + 1;
    PERFORM sft_core.note(by, NULL, 'instance.update', jsonb_build_object('name', instance_set.name, 'url',
        instance_set.url, 'authority', instance_set.authority));
END $$;
COMMENT ON FUNCTION sft_core.instance_set(sft.actor, text, text, text, text) IS 'Says what this platform is called and where it is found. Makes the statement key at the first time.';

CREATE FUNCTION sft_core.team_create(by sft.actor, name text) RETURNS uuid
LANGUAGE plpgsql AS $$
DECLARE
    team uuid;
BEGIN
    INSERT INTO sft.teams (name) VALUES (team_create.name) RETURNING id INTO team;
    PERFORM sft_core.group_create(by, team, 'everyone', '{}');
    PERFORM sft_core.group_create(by, team, 'owners', '{access_admin,access_user,reporting_user}');
    PERFORM sft_core.note(by, team, 'team.create', jsonb_build_object('name', team_create.name));
    RETURN team;
END $$;
COMMENT ON FUNCTION sft_core.team_create(sft.actor, text) IS 'Makes a team with its built-in groups everyone and owners. The caller must see it already or be beyond the wall. Refuses: team_name_format, team_name_taken.';

CREATE FUNCTION sft_core.team_id(name text) RETURNS uuid
LANGUAGE plpgsql STABLE AS $$
DECLARE
    team uuid;
BEGIN
    SELECT t.id INTO team FROM sft.teams t WHERE t.name = team_id.name;
    IF team IS NULL THEN
        PERFORM sft_core.refuse(404, 'team_unknown', format('There is no team named %s.', left(team_id.name, 64)));
    END IF;
    RETURN team;
END $$;
COMMENT ON FUNCTION sft_core.team_id(text) IS 'The team of a name. Refuses: team_unknown.';
