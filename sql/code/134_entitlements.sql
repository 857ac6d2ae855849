-- SPDX-License-Identifier: PostgreSQL
-- 134_entitlements.sql - sudo entitlements: commands as checked objects, never as text that somebody wrote for sudoers; and which
-- groups of which projects have them.

CREATE FUNCTION sft_core.sudo_args(args text) RETURNS text
LANGUAGE sql IMMUTABLE
RETURN regexp_replace(args, '([,:=\\])', '\\\1', 'g');
COMMENT ON FUNCTION sft_core.sudo_args(text) IS 'Arguments as sudoers writes them: what means something there has a backslash.';

CREATE FUNCTION sft_core.sudo_rendered(c jsonb) RETURNS text
LANGUAGE sql IMMUTABLE
RETURN CASE c->>'command_type' WHEN 'raw' THEN c->>'command'
    WHEN 'directory' THEN sft_core.sudo_args(rtrim(c->>'command', '/')) || '/'
    ELSE sft_core.sudo_args(c->>'command') || CASE c->>'args_type' WHEN 'none' THEN ' ""' WHEN 'custom' THEN ' ' || sft_core.sudo_args(c->>'args') ELSE '' END END;
COMMENT ON FUNCTION sft_core.sudo_rendered(jsonb) IS 'A checked command as sudoers has it.';

CREATE FUNCTION sft_core.sudo_command_wrong(n int, rule text) RETURNS void
LANGUAGE plpgsql IMMUTABLE AS $$
BEGIN
    PERFORM sft_core.refuse(400, 'structured_commands_format', format('In structured_commands the command number %s %s.', n, rule), jsonb_build_object('position', n));
END $$;
COMMENT ON FUNCTION sft_core.sudo_command_wrong(int, text) IS 'Refuses a command: structured_commands_format, with its number.';

-- Wildcards in arguments match spaces and more in sudo, so custom arguments have none; a command that a user could replace is the administrator's to avoid.
CREATE FUNCTION sft_core.sudo_command(c jsonb, n int) RETURNS jsonb
LANGUAGE plpgsql IMMUTABLE AS $$
DECLARE
    kind    text := coalesce(nullif(c->>'command_type', ''), 'executable');
    command text := c->>'command';
    args    text := coalesce(c->>'args', '');
    how     text := coalesce(nullif(c->>'args_type', ''), CASE WHEN coalesce(c->>'args', '') = '' THEN 'any' ELSE 'custom' END);
BEGIN
    IF jsonb_typeof(c) <> 'object' OR jsonb_typeof(c->'command') IS DISTINCT FROM 'string' OR length(command) > 1000 OR length(args) > 1000
        OR jsonb_typeof(c->'args') NOT IN ('string', 'null') OR kind <> ALL ('{executable,directory,raw}') OR how <> ALL ('{any,none,custom}') THEN
        PERFORM sft_core.sudo_command_wrong(n, 'is not an object of command, command_type (executable, directory, raw), args and args_type (any, none, custom)');
    ELSIF kind = 'raw' THEN
        IF command !~ '^(ALL|(sudoedit )?/[A-Za-z0-9._/+@%-]+( ([A-Za-z0-9._/+@%*?" -]|\\[,:=\\])+)?)$' OR command ~ '(^|/)[.][.](/|$)|"[^"]+"' THEN
            PERFORM sft_core.sudo_command_wrong(n, 'is raw and has to be ALL, or a path with arguments, or sudoedit and a path; no comma, colon, equals sign or backslash without a backslash before it');
        END IF;
    ELSIF command !~ '^/[A-Za-z0-9._/+@%:=,-]+$' OR command ~ '(^|/)[.]{1,2}(/|$)|//' OR (kind = 'executable' AND right(command, 1) = '/') THEN
        PERFORM sft_core.sudo_command_wrong(n, 'needs a plain absolute path: no spaces, wildcards, empty or dot segments');
    ELSIF kind = 'directory' AND args <> '' OR how <> 'custom' AND args <> '' OR how = 'custom' AND args !~ '^[A-Za-z0-9._/+@%:=,-]([A-Za-z0-9._/+@%:=, -]*[A-Za-z0-9._/+@%:=,-])?$' THEN
        PERFORM sft_core.sudo_command_wrong(n, 'has args only with args_type custom, and then of letters, digits, spaces and . _ / + @ % : = , -');
    END IF;
    c := jsonb_build_object('command', command, 'command_type', kind, 'args', args, 'args_type', how);
    RETURN c || jsonb_build_object('rendered_command', sft_core.sudo_rendered(c));
END $$;
COMMENT ON FUNCTION sft_core.sudo_command(jsonb, int) IS 'One structured command, checked, with what sudoers will say. Refuses: structured_commands_format, with its number.';

CREATE FUNCTION sft_core.sudo_commands(b jsonb) RETURNS jsonb
LANGUAGE plpgsql IMMUTABLE AS $$
DECLARE
    listed jsonb := sft_core.maybe_list(b, 'structured_commands', 100);
BEGIN
    IF listed = '[]' THEN
        PERFORM sft_core.refuse(400, 'structured_commands_missing', 'The field structured_commands is missing or empty.');
    END IF;
    RETURN (SELECT jsonb_agg(sft_core.sudo_command(c.value, c.n::int) ORDER BY c.n) FROM jsonb_array_elements(listed) WITH ORDINALITY c (value, n));
END $$;
COMMENT ON FUNCTION sft_core.sudo_commands(jsonb) IS 'The structured commands of a request. Refuses: structured_commands_missing, structured_commands_format.';

-- What the loader, shells and interpreters obey would make any command any other.
CREATE FUNCTION sft_core.sudo_environment(b jsonb, field text) RETURNS text[]
LANGUAGE plpgsql IMMUTABLE AS $$
DECLARE
    names text[] := sft_core.maybe_texts(b, field, 64, 64);
BEGIN
    IF EXISTS (SELECT FROM unnest(names) n WHERE n !~ '^[A-Za-z_][A-Za-z0-9_]*$') THEN
        PERFORM sft_core.wrong(field, 'is a list of names of variables');
    ELSIF field = 'add_env' AND EXISTS (SELECT FROM unnest(names) n
        WHERE n ~ '^(LD_|DYLD_|_RLD|BASH_|GLIBC_|MALLOC_|PERL|PYTHON|RUBY|NODE_|GIT_|JAVA_)' OR n IN ('ENV', 'IFS', 'PATH', 'SHELLOPTS', 'CDPATH', 'GLOBIGNORE', 'PS4', 'TERMINFO', 'TERMINFO_DIRS',
              'TERMPATH', 'TERMCAP', 'LOCALDOMAIN', 'RES_OPTIONS', 'HOSTALIASES', 'NLSPATH', 'PATH_LOCALE', 'TMPPREFIX', 'ZDOTDIR', 'EDITOR', 'VISUAL', 'PAGER', 'SHELL', 'HOME', 'MAIL', 'USER', 'LOGNAME')) THEN
        PERFORM sft_core.refuse(400, 'add_env_dangerous', 'A variable in add_env would let a command be turned into another.');
    END IF;
    RETURN names;
END $$;
COMMENT ON FUNCTION sft_core.sudo_environment(jsonb, text) IS 'Names of variables that sudo keeps or drops. Refuses: <field>_format, add_env_dangerous.';

CREATE FUNCTION sft_core.entitlement_of_body(old sft.entitlements, b jsonb) RETURNS sft.entitlements
LANGUAGE plpgsql STABLE AS $$
DECLARE
    e sft.entitlements := old;
BEGIN
    e.name := coalesce(nullif(sft_core.maybe_text(b, 'name'), ''), old.name, sft_core.need_text(b, 'name'));
    e.description := coalesce(sft_core.maybe_text(b, 'description'), old.description, '');
    e.structured_commands := CASE WHEN old.id IS NULL OR b ? 'structured_commands' THEN sft_core.sudo_commands(b) ELSE old.structured_commands END;
    e.opt_no_exec := coalesce(sft_core.maybe_bool(b, 'opt_no_exec'), old.opt_no_exec, false);
    e.opt_no_passwd := coalesce(sft_core.maybe_bool(b, 'opt_no_passwd'), old.opt_no_passwd, true);
    e.opt_set_env := coalesce(sft_core.maybe_bool(b, 'opt_set_env'), old.opt_set_env, false);
    e.opt_run_as := CASE WHEN b ? 'opt_run_as' THEN nullif(sft_core.maybe_text(b, 'opt_run_as'), '') ELSE old.opt_run_as END;
    e.add_env := CASE WHEN old.id IS NULL OR b ? 'add_env' THEN sft_core.sudo_environment(b, 'add_env') ELSE old.add_env END;
    e.sub_env := CASE WHEN old.id IS NULL OR b ? 'sub_env' THEN sft_core.sudo_environment(b, 'sub_env') ELSE old.sub_env END;
    RETURN e;
END $$;
COMMENT ON FUNCTION sft_core.entitlement_of_body(sft.entitlements, jsonb) IS 'An entitlement with what a request says; NOPASSWD unless it says otherwise, since nobody has a password on servers. Refuses: name_missing, <field>_format, structured_commands_missing, structured_commands_format, add_env_dangerous.';

CREATE FUNCTION sft_core.entitlement_json(e sft.entitlements) RETURNS jsonb
LANGUAGE sql STABLE
RETURN jsonb_build_object('id', (e).id, 'name', (e).name, 'description', (e).description, 'structured_commands', (e).structured_commands, 'opt_no_exec', (e).opt_no_exec,
    'opt_no_passwd', (e).opt_no_passwd, 'opt_run_as', coalesce((e).opt_run_as, ''), 'opt_set_env', (e).opt_set_env, 'add_env', to_jsonb((e).add_env),
    'sub_env', to_jsonb((e).sub_env), 'created_at', sft_core.json_time((e).created_at), 'updated_at', sft_core.json_time((e).updated_at));
COMMENT ON FUNCTION sft_core.entitlement_json(sft.entitlements) IS 'An entitlement as answers show it.';

CREATE FUNCTION sft_core.touch_entitlement(team_id uuid, entitlement_id uuid) RETURNS void
LANGUAGE plpgsql AS $$
BEGIN
    PERFORM sft_core.touch_projects(team_id, VARIADIC ARRAY(SELECT DISTINCT x.project_id FROM sft.project_entitlements x
        WHERE x.team_id = touch_entitlement.team_id AND x.entitlement_id = touch_entitlement.entitlement_id));
END $$;
COMMENT ON FUNCTION sft_core.touch_entitlement(uuid, uuid) IS 'An entitlement changed: the servers where it is given should know.';

CREATE FUNCTION sft_core.entitlement_create(by sft.actor, team_id uuid, b jsonb) RETURNS sft.entitlements
LANGUAGE plpgsql AS $$
DECLARE
    e sft.entitlements := sft_core.entitlement_of_body(NULL, b);
BEGIN
    INSERT INTO sft.entitlements AS x (team_id, name, description, structured_commands, opt_no_exec, opt_no_passwd, opt_run_as, opt_set_env, add_env, sub_env)
    VALUES (entitlement_create.team_id, e.name, e.description, e.structured_commands, e.opt_no_exec, e.opt_no_passwd, e.opt_run_as, e.opt_set_env, e.add_env, e.sub_env)
    RETURNING x.* INTO e;
    PERFORM sft_core.note(by, team_id, 'entitlement_sudo.create', sft_core.entitlement_json(e));
    RETURN e;
END $$;
COMMENT ON FUNCTION sft_core.entitlement_create(sft.actor, uuid, jsonb) IS 'Makes an entitlement; nobody has it yet. Refuses: entitlement_name_format, entitlement_name_taken, opt_run_as_format and what its body may not be.';

CREATE FUNCTION sft_core.entitlement_update(by sft.actor, old sft.entitlements, b jsonb) RETURNS void
LANGUAGE plpgsql AS $$
DECLARE
    e sft.entitlements := sft_core.entitlement_of_body(old, b);
BEGIN
    UPDATE sft.entitlements x SET name = e.name, description = e.description, structured_commands = e.structured_commands, opt_no_exec = e.opt_no_exec,
           opt_no_passwd = e.opt_no_passwd, opt_run_as = e.opt_run_as, opt_set_env = e.opt_set_env, add_env = e.add_env, sub_env = e.sub_env, updated_at = now()
     WHERE x.team_id = old.team_id AND x.id = old.id AND x.deleted_at IS NULL RETURNING x.* INTO e;
    IF NOT FOUND THEN
        PERFORM sft_core.refuse(404, 'entitlement_unknown', 'There is no such entitlement.');
    END IF;
    PERFORM sft_core.touch_entitlement(e.team_id, e.id);
    PERFORM sft_core.note(by, e.team_id, 'entitlement_sudo.update', sft_core.entitlement_json(e));
END $$;
COMMENT ON FUNCTION sft_core.entitlement_update(sft.actor, sft.entitlements, jsonb) IS 'Changes an entitlement wherever it is given. Refuses: entitlement_unknown and as making one does.';

CREATE FUNCTION sft_core.entitlement_delete(by sft.actor, old sft.entitlements) RETURNS void
LANGUAGE plpgsql AS $$
BEGIN
    UPDATE sft.entitlements x SET deleted_at = now() WHERE x.team_id = old.team_id AND x.id = old.id AND x.deleted_at IS NULL;
    IF NOT FOUND THEN
        PERFORM sft_core.refuse(404, 'entitlement_unknown', 'There is no such entitlement.');
    END IF;
    PERFORM sft_core.touch_entitlement(old.team_id, old.id);
    DELETE FROM sft.project_entitlements x WHERE x.team_id = old.team_id AND x.entitlement_id = old.id;
    PERFORM sft_core.note(by, old.team_id, 'entitlement_sudo.remove', jsonb_build_object('entitlement_id', old.id, 'name', old.name));
END $$;
COMMENT ON FUNCTION sft_core.entitlement_delete(sft.actor, sft.entitlements) IS 'Takes an entitlement away from everybody. Refuses: entitlement_unknown.';

CREATE FUNCTION sft_core.entitlement_give(by sft.actor, pg sft.project_groups, entitlement_id uuid, place int) RETURNS void
LANGUAGE plpgsql AS $$
BEGIN
    PERFORM FROM sft.entitlements e WHERE e.team_id = pg.team_id AND e.id = entitlement_give.entitlement_id AND e.deleted_at IS NULL FOR SHARE;
    IF NOT FOUND THEN
        PERFORM sft_core.refuse(404, 'entitlement_unknown', 'There is no such entitlement.');
    END IF;
    INSERT INTO sft.project_entitlements AS x (team_id, project_id, group_id, entitlement_id, position)
    VALUES (pg.team_id, pg.project_id, pg.group_id, entitlement_give.entitlement_id, place)
    ON CONFLICT ON CONSTRAINT project_entitlement_taken DO UPDATE SET position = EXCLUDED.position;
    PERFORM sft_core.touch_project(pg.team_id, pg.project_id);
    PERFORM sft_core.note(by, pg.team_id, 'entitlement_sudo.add_to_project', jsonb_build_object('entitlement_id', entitlement_give.entitlement_id,
        'group_id', pg.group_id, 'position', place), pg.project_id);
END $$;
COMMENT ON FUNCTION sft_core.entitlement_give(sft.actor, sft.project_groups, uuid, int) IS 'Gives a group of a project an entitlement; again: another place. Refuses: entitlement_unknown, entitlement_position_range.';

CREATE FUNCTION sft_core.entitlement_take(by sft.actor, pg sft.project_groups, entitlement_id uuid) RETURNS void
LANGUAGE plpgsql AS $$
BEGIN
    DELETE FROM sft.project_entitlements x WHERE x.team_id = pg.team_id AND x.project_id = pg.project_id AND x.group_id = pg.group_id
        AND x.entitlement_id = entitlement_take.entitlement_id;
    IF NOT FOUND THEN
        PERFORM sft_core.refuse(404, 'project_entitlement_unknown', 'This group does not have this entitlement.');
    END IF;
    PERFORM sft_core.touch_project(pg.team_id, pg.project_id);
    PERFORM sft_core.note(by, pg.team_id, 'entitlement_sudo.remove_from_project', jsonb_build_object('entitlement_id', entitlement_take.entitlement_id,
        'group_id', pg.group_id), pg.project_id);
END $$;
COMMENT ON FUNCTION sft_core.entitlement_take(sft.actor, sft.project_groups, uuid) IS 'Takes an entitlement from a group of a project. Refuses: project_entitlement_unknown.';

-- In the state of servers: an agent that does not know the field gives no sudo by it, which is the safe side.
CREATE FUNCTION sft_core.state_entitlements(v sft.servers, users jsonb, shared sft.projects) RETURNS jsonb
LANGUAGE plpgsql STABLE AS $$
BEGIN
    RETURN (
        SELECT coalesce(jsonb_agg(jsonb_build_object('id', e.id, 'name', e.name, 'users', s.users, 'commands', (SELECT jsonb_agg(c->'rendered_command') FROM jsonb_array_elements(e.structured_commands) c),
                   'run_as', coalesce(e.opt_run_as, 'root'), 'no_passwd', e.opt_no_passwd, 'no_exec', e.opt_no_exec, 'set_env', e.opt_set_env,
                   'add_env', to_jsonb(e.add_env), 'sub_env', to_jsonb(e.sub_env)) ORDER BY s.position, e.name), '[]')
          FROM (SELECT x.entitlement_id, min(x.position) AS position, jsonb_agg(DISTINCT a.name) AS users
                  FROM sft.project_entitlements x
                  JOIN sft.project_groups pg ON pg.team_id = x.team_id AND pg.project_id = x.project_id AND pg.group_id = x.group_id
                  JOIN sft.group_members m ON m.team_id = x.team_id AND m.group_id = x.group_id
                  JOIN (SELECT (u->>'user_id')::uuid AS user_id, u->>'name' AS name, u->'principals' <> '[]' AS usable FROM jsonb_array_elements(users) u) a
                    ON a.user_id = m.user_id AND a.usable
                 WHERE x.team_id = v.team_id AND x.project_id = v.project_id AND NOT (shared).force_shared_ssh_users
                   AND sft_core.selected(pg.servers_match, v.label_values)
                 GROUP BY x.entitlement_id) s
          JOIN sft.entitlements e ON e.team_id = v.team_id AND e.id = s.entitlement_id AND e.deleted_at IS NULL);
END $$;
COMMENT ON FUNCTION sft_core.state_entitlements(sft.servers, jsonb, sft.projects) IS 'Which accounts of a server may run what by sudo, in the order of sudoers. None where accounts are shared: they could not be told apart.';

-- Over HTTP -------------------------------------------------------------------------------------
CREATE FUNCTION sft_core.entitlement_of(by sft.actor, id text) RETURNS sft.entitlements
LANGUAGE plpgsql STABLE AS $$
DECLARE
    e sft.entitlements;
BEGIN
    SELECT x.* INTO e FROM sft.entitlements x WHERE x.team_id = (by).team_id AND x.id = sft_core.uuid_of(entitlement_of.id) AND x.deleted_at IS NULL;
    IF NOT FOUND THEN
        PERFORM sft_core.refuse(404, 'entitlement_unknown', 'There is no such entitlement.');
    END IF;
    RETURN e;
END $$;
COMMENT ON FUNCTION sft_core.entitlement_of(sft.actor, text) IS 'An entitlement of the team. Refuses: entitlement_unknown.';

CREATE FUNCTION sft_api.entitlement_list(req sft.request) RETURNS sft.response
LANGUAGE plpgsql STABLE AS $$
DECLARE
    who  sft.actor := req.actor;
    page sft_core.page;
BEGIN
    page := sft_core.page_of(req, ARRAY(
        SELECT (lower(e.name), e.id)::sft_core.entry FROM sft.entitlements e WHERE e.team_id = who.team_id AND e.deleted_at IS NULL AND sft_core.name_matches(req.query, e.name)));
    RETURN sft_core.page_reply(page, ARRAY(
        SELECT l.item FROM unnest(page.ids::uuid[]) WITH ORDINALITY i (id, o)
         CROSS JOIN LATERAL (SELECT sft_core.entitlement_json(e) AS item FROM sft.entitlements e WHERE e.team_id = who.team_id AND e.id = i.id OFFSET 0) l ORDER BY i.o));
END $$;
COMMENT ON FUNCTION sft_api.entitlement_list(sft.request) IS 'The team''s sudo entitlements by name. Refuses: count_format, offset_format.';

CREATE FUNCTION sft_api.entitlement_create(req sft.request) RETURNS sft.response
LANGUAGE plpgsql AS $$
BEGIN
    RETURN sft_core.reply(201, sft_core.entitlement_json(sft_core.entitlement_create(req.actor, (req.actor).team_id, req.body)));
END $$;
COMMENT ON FUNCTION sft_api.entitlement_create(sft.request) IS 'Makes a sudo entitlement. Refuses: name_missing, entitlement_name_format, entitlement_name_taken, structured_commands_missing, structured_commands_format, opt_run_as_format, add_env_dangerous, <field>_format.';

CREATE FUNCTION sft_api.entitlement_show(req sft.request) RETURNS sft.response
LANGUAGE plpgsql STABLE AS $$
BEGIN
    RETURN sft_core.reply(200, sft_core.entitlement_json(sft_core.entitlement_of(req.actor, req.params[2])));
END $$;
COMMENT ON FUNCTION sft_api.entitlement_show(sft.request) IS 'A sudo entitlement. Refuses: entitlement_unknown.';

CREATE FUNCTION sft_api.entitlement_update(req sft.request) RETURNS sft.response
LANGUAGE plpgsql AS $$
BEGIN
    PERFORM sft_core.entitlement_update(req.actor, sft_core.entitlement_of(req.actor, req.params[2]), req.body);
    RETURN sft_core.reply(204);
END $$;
COMMENT ON FUNCTION sft_api.entitlement_update(sft.request) IS 'Changes a sudo entitlement; what the request leaves out stays. Refuses: entitlement_unknown and as making one does.';

CREATE FUNCTION sft_api.entitlement_delete(req sft.request) RETURNS sft.response
LANGUAGE plpgsql AS $$
BEGIN
    PERFORM sft_core.entitlement_delete(req.actor, sft_core.entitlement_of(req.actor, req.params[2]));
    RETURN sft_core.reply(204);
END $$;
COMMENT ON FUNCTION sft_api.entitlement_delete(sft.request) IS 'Takes a sudo entitlement away from everybody. Refuses: entitlement_unknown.';

CREATE FUNCTION sft_core.project_entitlement_json(x sft.project_entitlements) RETURNS jsonb
LANGUAGE sql STABLE AS $$
    SELECT jsonb_build_object('entitlement_id', e.id, 'name', e.name, 'group', g.name, 'group_id', g.id, 'position', x.position, 'added_at', sft_core.json_time(x.added_at))
      FROM sft.entitlements e JOIN sft.groups g ON g.team_id = e.team_id AND g.id = x.group_id WHERE e.team_id = x.team_id AND e.id = x.entitlement_id
$$;
COMMENT ON FUNCTION sft_core.project_entitlement_json(sft.project_entitlements) IS 'An entitlement that a group of a project has.';

CREATE FUNCTION sft_api.project_entitlement_list(req sft.request) RETURNS sft.response
LANGUAGE plpgsql STABLE AS $$
DECLARE
    p    sft.projects := sft_core.project_seen(req.actor, req.params[2]);
    page sft_core.page;
BEGIN
    page := sft_core.page_of(req, ARRAY(
        SELECT (to_char(x.position, 'FM000') || ' ' || x.entitlement_id, x.group_id || '/' || x.entitlement_id)::sft_core.entry
          FROM sft.project_entitlements x WHERE x.team_id = p.team_id AND x.project_id = p.id), usual => 1000);
    RETURN sft_core.page_reply(page, ARRAY(
        SELECT l.item FROM unnest(page.ids) WITH ORDINALITY i (id, o)
         CROSS JOIN LATERAL (SELECT sft_core.project_entitlement_json(x) AS item FROM sft.project_entitlements x WHERE x.team_id = p.team_id AND x.project_id = p.id AND x.group_id = split_part(i.id, '/', 1)::uuid
           AND x.entitlement_id = split_part(i.id, '/', 2)::uuid OFFSET 0) l ORDER BY i.o));
END $$;
COMMENT ON FUNCTION sft_api.project_entitlement_list(sft.request) IS 'Which groups of a project have which sudo entitlements, in the order of sudoers. Refuses: project_unknown, count_format, offset_format.';

CREATE FUNCTION sft_api.project_entitlement_create(req sft.request) RETURNS sft.response
LANGUAGE plpgsql AS $$
DECLARE
    pg    sft.project_groups;
    e     sft.entitlements;
BEGIN
    PERFORM sft_core.only_fields(req.body, 'group', 'entitlement_id', 'position');
    pg := sft_core.project_group_of(req.actor, req.params[2], sft_core.need_text(req.body, 'group'));
    e := sft_core.entitlement_of(req.actor, sft_core.need_uuid(req.body, 'entitlement_id')::text);
    PERFORM sft_core.entitlement_give(req.actor, pg, e.id, coalesce(sft_core.maybe_bigint(req.body, 'position', 0, 999), 100)::int);
    RETURN sft_core.reply(201, (SELECT sft_core.project_entitlement_json(x) FROM sft.project_entitlements x
        WHERE x.team_id = pg.team_id AND x.project_id = pg.project_id AND x.group_id = pg.group_id AND x.entitlement_id = e.id));
END $$;
COMMENT ON FUNCTION sft_api.project_entitlement_create(sft.request) IS 'Gives a group of a project a sudo entitlement; again: another place in the order. Refuses: project_unknown, project_group_unknown, entitlement_unknown, <field>_missing, <field>_format.';

CREATE FUNCTION sft_api.project_entitlement_delete(req sft.request) RETURNS sft.response
LANGUAGE plpgsql AS $$
BEGIN
    PERFORM sft_core.entitlement_take(req.actor, sft_core.project_group_of(req.actor, req.params[2], req.params[3]), sft_core.uuid_of(req.params[4]));
    RETURN sft_core.reply(204);
END $$;
COMMENT ON FUNCTION sft_api.project_entitlement_delete(sft.request) IS 'Takes a sudo entitlement from a group of a project. Refuses: project_unknown, project_group_unknown, project_entitlement_unknown.';

INSERT INTO sft_core.routes (method, path, max_body, auth, roles, product, proc) VALUES
    ('GET',    '/v1/teams/{team}/entitlements/sudo',               0, 'member', '{access_admin}', true, 'entitlement_list'),
    ('POST',   '/v1/teams/{team}/entitlements/sudo',          131072, 'member', '{access_admin}', true, 'entitlement_create'),
    ('GET',    '/v1/teams/{team}/entitlements/sudo/{sudo_id}',     0, 'member', '{access_admin}', true, 'entitlement_show'),
    ('PUT',    '/v1/teams/{team}/entitlements/sudo/{sudo_id}', 131072, 'member', '{access_admin}', true, 'entitlement_update'),
    ('DELETE', '/v1/teams/{team}/entitlements/sudo/{sudo_id}', 4096, 'member', '{access_admin}', true, 'entitlement_delete'),
    ('GET',    '/v1/teams/{team}/projects/{project_name}/entitlements',    0, 'member', '{access_admin,access_user,reporting_user}', false, 'project_entitlement_list'),
    ('POST',   '/v1/teams/{team}/projects/{project_name}/entitlements', 4096, 'member', '{access_admin}', false, 'project_entitlement_create'),
    ('DELETE', '/v1/teams/{team}/projects/{project_name}/entitlements/{group_name}/{sudo_id}', 0, 'member', '{access_admin}', false, 'project_entitlement_delete');
