# SPDX-License-Identifier: PostgreSQL
# Catalog - everything that the catalogue says about the extension, and everything that its tables hold, to compare two databases.
#
#   my %is = Catalog::objects($session);    # definition, rights and comment by object
#   my %rows = Catalog::rows($session, $columns);   # hash of all rows by table; with $columns (of another) only those columns
package Catalog;
use strict;
use warnings;

my $describe = q{
WITH member AS (
    SELECT d.classid, d.objid FROM pg_depend d JOIN pg_extension e ON e.oid = d.refobjid
     WHERE d.deptype = 'e' AND d.refclassid = 'pg_extension'::regclass AND e.extname = 'pg_sftca'),
known AS (
    SELECT 'function ' || p.oid::regprocedure AS name,
           CASE WHEN p.prokind = 'a' THEN '' ELSE pg_get_functiondef(p.oid) END || coalesce(p.proacl::text, 'default') || coalesce(obj_description(p.oid, 'pg_proc'), 'no comment') || p.proowner::regrole AS what
      FROM member m JOIN pg_proc p ON m.classid = 'pg_proc'::regclass AND p.oid = m.objid
    UNION ALL
    SELECT 'relation ' || c.oid::regclass, concat_ws(' ', c.relkind, coalesce(c.relacl::text, 'default'), c.relowner::regrole, c.reloptions::text, c.relrowsecurity, coalesce(obj_description(c.oid, 'pg_class'), 'no comment'),
           CASE WHEN c.relkind = 'v' THEN pg_get_viewdef(c.oid) END)
      FROM member m JOIN pg_class c ON m.classid = 'pg_class'::regclass AND c.oid = m.objid
    UNION ALL
    SELECT 'column ' || c.oid::regclass || '.' || a.attname, concat_ws(' ', format_type(a.atttypid, a.atttypmod), a.attnotnull, a.attacl::text, pg_get_expr(d.adbin, d.adrelid), col_description(c.oid, a.attnum))
      FROM member m JOIN pg_class c ON m.classid = 'pg_class'::regclass AND c.oid = m.objid JOIN pg_attribute a ON a.attrelid = c.oid AND a.attnum > 0 AND NOT a.attisdropped
      LEFT JOIN pg_attrdef d ON d.adrelid = a.attrelid AND d.adnum = a.attnum
    UNION ALL
    SELECT 'constraint ' || n.conrelid::regclass || '.' || n.conname, concat_ws(' ', pg_get_constraintdef(n.oid), n.convalidated, coalesce(obj_description(n.oid, 'pg_constraint'), 'no comment'))
      FROM member m JOIN pg_constraint n ON m.classid = 'pg_class'::regclass AND n.conrelid = m.objid
    UNION ALL
    SELECT 'index ' || i.indexrelid::regclass, pg_get_indexdef(i.indexrelid)
      FROM member m JOIN pg_index i ON m.classid = 'pg_class'::regclass AND i.indrelid = m.objid
    UNION ALL
    SELECT 'trigger ' || t.tgname, pg_get_triggerdef(t.oid) FROM member m JOIN pg_trigger t ON m.classid = 'pg_class'::regclass AND t.tgrelid = m.objid AND NOT t.tgisinternal
    UNION ALL
    SELECT 'dumped ' || o.oid::regclass, coalesce(o.condition, '') FROM pg_extension e, LATERAL unnest(e.extconfig, e.extcondition) AS o (oid, condition) WHERE e.extname = 'pg_sftca'
    UNION ALL
    SELECT 'first rights of ' || pg_describe_object(i.classoid, i.objoid, i.objsubid), i.initprivs::text FROM pg_init_privs i JOIN member m ON m.classid = i.classoid AND m.objid = i.objoid
    UNION ALL
    SELECT 'other ' || pg_describe_object(m.classid, m.objid, 0), '' FROM member m WHERE m.classid NOT IN ('pg_proc'::regclass, 'pg_class'::regclass)
    UNION ALL
    SELECT 'schema', concat_ws(' ', coalesce(n.nspacl::text, 'default'), obj_description(n.oid, 'pg_namespace')) FROM pg_namespace n WHERE n.nspname = 'sftca'
    UNION ALL
    SELECT 'version', e.extversion FROM pg_extension e WHERE e.extname = 'pg_sftca')
SELECT name, what FROM known};

sub objects
{
	my ($s) = @_;
	return map { ($_->{name} => $_->{what}) } $s->rows($describe);
}

# { table => [columns] } of all tables of the extension
sub columns
{
	my ($s) = @_;
	return { map { ($_->{t} => $_->{c}) } $s->rows(q{SELECT c.relname AS t, array_agg(a.attname ORDER BY a.attnum) AS c FROM pg_class c JOIN pg_attribute a ON a.attrelid = c.oid AND a.attnum > 0 AND NOT a.attisdropped
		WHERE c.relnamespace = 'sftca'::regnamespace AND c.relkind = 'r' GROUP BY 1}) };
}

sub rows
{
	my ($s, $columns) = @_;
	$columns //= columns($s);
	return map {
		my $row = 'ROW(' . join(', ', map { "x.\"$_\"" } @{ $columns->{$_} }) . ')::text';
		($_ => $s->value("SELECT count(*) || ' ' || coalesce(md5(string_agg($row, '' ORDER BY $row)), '') FROM sftca.$_ x"));
	} keys %$columns;
}

1;
