-- SPDX-License-Identifier: PostgreSQL
-- 911_openapi_text.sql - the description of the API is the same until the next deploy: made once, here, since everybody may ask for it.

DO $$
BEGIN
    EXECUTE format('CREATE FUNCTION sft_core.openapi_text() RETURNS text LANGUAGE plpgsql IMMUTABLE AS %L',
        format('BEGIN RETURN %L; END', sft_core.openapi_document()::text));
END $$;
COMMENT ON FUNCTION sft_core.openapi_text() IS 'What sft_core.openapi_document() said at the deploy.';
