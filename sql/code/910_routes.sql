-- SPDX-License-Identifier: PostgreSQL
-- 910_routes.sql - what can be called over HTTP. A new endpoint is one function and one line here.
-- auth: none, self (signed by the key in the body), client, user (client with a session), server.
-- writes: its request_id is kept, so that a repeat is refused. proc_set: the same for a batch of requests.

CREATE VIEW sft_api.route (method, path, max_body, batch, wait_s, auth, writes, proc, proc_set) AS VALUES
    ('GET',    '/v1/instance',                               0, false,  0, 'none',   false, 'sft_api.instance_show(sft.request)'::regprocedure, NULL::regprocedure),
    ('POST',   '/v1/teams/{team}/clients',               16384, false,  0, 'self',   false, 'sft_api.client_create(sft.request)', NULL),
    ('GET',    '/v1/teams/{team}/clients/{id}/enrollment',   0, false,  0, 'client', false, 'sft_api.client_enrollment_show(sft.request)', NULL),
    ('POST',   '/v1/teams/{team}/clients/{id}/approval',  1024, false,  0, 'user',   true,  'sft_api.client_approval_create(sft.request)', NULL),
    ('DELETE', '/v1/teams/{team}/clients/{id}',              0, false,  0, 'client', true,  'sft_api.client_delete(sft.request)', NULL),
    ('POST',   '/v1/teams/{team}/client_sessions',        8192, false,  0, 'client', true,  'sft_api.client_session_create(sft.request)', NULL),
    ('GET',    '/v1/teams/{team}/client_sessions/{id}',      0, false,  0, 'client', false, 'sft_api.client_session_show(sft.request)', NULL),
    ('DELETE', '/v1/teams/{team}/client_sessions/{id}',      0, false,  0, 'client', true,  'sft_api.client_session_delete(sft.request)', NULL),
    ('POST',   '/v1/resolve',                            16384, false,  0, 'user',   false, 'sft_api.resolve(sft.request)', NULL),
    ('GET',    '/v1/teams/{team}/servers',                   0, false,  0, 'user',   false, 'sft_api.server_list(sft.request)', NULL),
    ('GET',    '/v1/teams/{team}/projects',                  0, false,  0, 'user',   false, 'sft_api.project_list(sft.request)', NULL),
    ('POST',   '/v1/teams/{team}/credentials',           32768, true,   0, 'user',   false, 'sft_api.credential_create(sft.request)', 'sft_core.credentials_issue(sft.request[])'),
    ('GET',    '/v1/teams/{team}/credentials/{request_id}',  0, false,  0, 'client', false, 'sft_api.credential_show(sft.request)', NULL),
    ('GET',    '/v1/teams/{team}/credentials',               0, false,  0, 'user',   false, 'sft_api.credential_list(sft.request)', NULL),
    ('POST',   '/v1/servers/enroll',                     65536, false,  0, 'self',   false, 'sft_api.server_create(sft.request)', NULL),
    ('GET',    '/v1/server/state',                           0, false, 30, 'server', false, 'sft_api.server_state_show(sft.request)', NULL),
    ('POST',   '/v1/server/report',                     262144, false,  0, 'server', true,  'sft_api.server_report_create(sft.request)', NULL),
    ('POST',   '/v1/server/host_certificates',           16384, false,  0, 'server', true,  'sft_api.host_certificate_create(sft.request)', NULL),
    ('GET',    '/v1/authorities/{uuid}/trust',               0, false,  0, 'none',   false, 'sft_api.trust_show(sft.request)', NULL),
    ('GET',    '/v1/authorities/{uuid}/krl',                 0, false,  0, 'none',   false, 'sft_api.krl_show(sft.request)', NULL);
COMMENT ON VIEW sft_api.route IS 'The routes: method, path, limits and kind of caller, and the function that answers. The gateway reads the first five columns.';
