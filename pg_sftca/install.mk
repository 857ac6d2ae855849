# SPDX-License-Identifier: PostgreSQL
# install.mk - installs the built extension by PGXS, so that DESTDIR and the like mean what they always do.
EXTENSION = pg_sftca
DATA = $(wildcard pg_sftca--*.sql)
MODULES = $(STAGE)/pg_sftca
override with_llvm := no
PG_CONFIG ?= pg_config
PGXS := $(shell $(PG_CONFIG) --pgxs)
include $(PGXS)
