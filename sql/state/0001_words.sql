-- SPDX-License-Identifier: PostgreSQL
-- 0001_words.sql - the words of the trade as domains, the types that doors and code share, the row security's context.

CREATE DOMAIN sft.team_name AS text COLLATE "C"
    CONSTRAINT team_name_format CHECK (VALUE ~ '^[a-z]([a-z0-9-]{0,61}[a-z0-9])?$');
CREATE DOMAIN sft.user_name AS text COLLATE "C"
    CONSTRAINT user_name_format CHECK (VALUE ~ '^[A-Za-z0-9_][A-Za-z0-9._@+-]{0,126}$');
CREATE DOMAIN sft.group_name AS text COLLATE "C"
    CONSTRAINT group_name_format CHECK (VALUE ~ '^[A-Za-z0-9_][A-Za-z0-9._-]{0,126}$');
CREATE DOMAIN sft.project_name AS text COLLATE "C"
    CONSTRAINT project_name_format CHECK (VALUE ~ '^[A-Za-z0-9_][A-Za-z0-9._-]{0,62}$');
CREATE DOMAIN sft.host_name AS text COLLATE "C"
    CONSTRAINT host_name_format CHECK (length(VALUE) <= 253 AND VALUE ~ '^[a-z0-9_]([a-z0-9_-]{0,61}[a-z0-9_])?([.][a-z0-9_]([a-z0-9_-]{0,61}[a-z0-9_])?)*$');
CREATE DOMAIN sft.server_user_name AS text COLLATE "C"
    CONSTRAINT server_user_name_format CHECK (VALUE ~ '^[a-z_][a-z0-9_-]{0,30}$')
    CONSTRAINT server_user_name_reserved CHECK (VALUE <> ALL (ARRAY[
        'root', 'daemon', 'bin', 'sys', 'sync', 'games', 'man', 'lp', 'mail', 'news', 'uucp', 'proxy', 'www-data', 'backup',
        'list', 'irc', 'gnats', 'nobody', 'nogroup', 'messagebus', 'sshd', '_apt', 'systemd-network', 'systemd-resolve',
        'systemd-timesync', 'systemd-coredump', 'systemd-journal', 'adm', 'tty', 'disk', 'kmem', 'dialout', 'fax', 'voice',
        'cdrom', 'floppy', 'tape', 'sudo', 'wheel', 'audio', 'dip', 'operator', 'src', 'shadow', 'utmp', 'video', 'sasl',
        'plugdev', 'staff', 'users', 'input', 'sgx', 'kvm', 'render', 'crontab', 'netdev', 'docker', 'lxd', 'ssh', '_ssh',
        'postgres', 'mysql', 'sft', 'sftd', 'sft-admin', 'sft-gateway', 'halt', 'shutdown', 'toor']));
CREATE DOMAIN sft.unix_id AS int
    CONSTRAINT unix_id_range CHECK (VALUE BETWEEN 1000 AND 2147483646 AND VALUE NOT IN (65534, 65535));
CREATE DOMAIN sft.line AS text
    CONSTRAINT line_format CHECK (length(VALUE) <= 255 AND VALUE !~ '[[:cntrl:]]');
CREATE DOMAIN sft.seconds AS int
    CONSTRAINT seconds_range CHECK (VALUE BETWEEN 0 AND 31536000);

COMMENT ON DOMAIN sft.team_name IS 'A team''s name: lower case, as in a DNS label.';
COMMENT ON DOMAIN sft.user_name IS 'A person''s or service''s name in a team, often a mail address.';
COMMENT ON DOMAIN sft.group_name IS 'A group''s name in a team.';
COMMENT ON DOMAIN sft.project_name IS 'A project''s name in a team.';
COMMENT ON DOMAIN sft.host_name IS 'A host name or IPv4 address in lower case.';
COMMENT ON DOMAIN sft.server_user_name IS 'An account name on servers; database, agent and client check the same rule.';
COMMENT ON DOMAIN sft.unix_id IS 'A uid or gid that the platform may hand out.';
COMMENT ON DOMAIN sft.line IS 'One line of free text.';
COMMENT ON DOMAIN sft.seconds IS 'A span of whole seconds, at most a year.';
COMMENT ON CONSTRAINT team_name_format ON DOMAIN sft.team_name IS 'A team name has 1 to 63 of a-z, 0-9 and hyphen, starts with a letter and does not end with a hyphen.';
COMMENT ON CONSTRAINT user_name_format ON DOMAIN sft.user_name IS 'A user name has 1 to 127 of letters, digits and . _ @ + -, and starts with a letter, a digit or _.';
COMMENT ON CONSTRAINT group_name_format ON DOMAIN sft.group_name IS 'A group name has 1 to 127 of letters, digits and . _ -, and starts with a letter, a digit or _.';
COMMENT ON CONSTRAINT project_name_format ON DOMAIN sft.project_name IS 'A project name has 1 to 63 of letters, digits and . _ -, and starts with a letter, a digit or _.';
COMMENT ON CONSTRAINT host_name_format ON DOMAIN sft.host_name IS 'A host name has at most 253 of a-z, 0-9, hyphen and _ in labels of at most 63, separated by dots.';
COMMENT ON CONSTRAINT server_user_name_format ON DOMAIN sft.server_user_name IS 'A server user name has 1 to 31 of a-z, 0-9, _ and hyphen, and starts with a letter or _.';
COMMENT ON CONSTRAINT server_user_name_reserved ON DOMAIN sft.server_user_name IS 'This server user name belongs to the operating system.';
COMMENT ON CONSTRAINT unix_id_range ON DOMAIN sft.unix_id IS 'A uid or gid lies between 1000 and 2147483646 and is neither 65534 nor 65535.';
COMMENT ON CONSTRAINT line_format ON DOMAIN sft.line IS 'This text is longer than 255 characters or has control characters.';
COMMENT ON CONSTRAINT seconds_range ON DOMAIN sft.seconds IS 'This number of seconds is negative or more than a year.';

CREATE TYPE sft.actor AS (
    kind text, name text, team_id uuid, user_id uuid, client_id uuid, session_id uuid, server_id uuid, project_id uuid,
    signed_in_at timestamptz, session_expires_at timestamptz, peer inet, request_id uuid, trace_id text
);
COMMENT ON TYPE sft.actor IS 'Who acts, from where, in which call. kind: user, client, server, dba, system.';

CREATE TYPE sft.request AS (
    route text, method text, params text[], target bytea, query jsonb, headers text, raw_body bytea, body jsonb,
    peer inet, trace_id text, request_id uuid, signature text, actor sft.actor
);
COMMENT ON TYPE sft.request IS 'A request as an endpoint sees it: parsed, and its sender known as far as the route demands. signature is the value of the signature header.';

CREATE TYPE sft.response AS (status int, headers text, body bytea, wait text[], continue_id uuid, error text);
COMMENT ON TYPE sft.response IS 'An endpoint''s answer: the reply, or the topics to wait on, or the id to finish after the commit. error is the code word of a refusal.';

-- The only context that row security reads: set by the doors for the teams of the rows they handle.
CREATE FUNCTION sft.current_teams() RETURNS text
LANGUAGE sql STABLE PARALLEL SAFE
RETURN coalesce(nullif(current_setting('sft.teams', true), ''), '{}');
COMMENT ON FUNCTION sft.current_teams() IS 'The teams whose rows may be seen now, as the text of a uuid[]; none unless a door has said so.';

CREATE FUNCTION sft.current_token() RETURNS text
LANGUAGE sql STABLE PARALLEL SAFE
RETURN nullif(current_setting('sft.token', true), '');
COMMENT ON FUNCTION sft.current_token() IS 'The id of the enrollment token that a caller presents: that one row may be seen before its team is known.';

CREATE FUNCTION sft.current_requests() RETURNS text
LANGUAGE sql STABLE PARALLEL SAFE
RETURN coalesce(nullif(current_setting('sft.requests', true), ''), '{}');
COMMENT ON FUNCTION sft.current_requests() IS 'The request_ids that are being finished, as the text of a uuid[]: finish needs no identity and sees those records alone.';
