# SPDX-License-Identifier: BSD-2-Clause
#
# One makefile for everything; `make help` lists what it does. Executables appear as ./trace and
# apps/NAME, everything else under build/. With O=DIR (or make -f ELSEWHERE/Makefile) all of that
# goes below DIR and the source tree is only read.

MAKEFLAGS += --no-builtin-rules --no-builtin-variables
.SUFFIXES:
.DELETE_ON_ERROR:
.DEFAULT_GOAL := all

# bpftool and ip live there, outside an ordinary user's PATH on Debian
export PATH := $(PATH):/usr/sbin:/sbin

# For another machine than this one: ARCH=arm64 CROSS_COMPILE=aarch64-linux-gnu- builds below build-arm64/.
# The libraries are that machine's, in Debian's folders for several machines or below SYSROOT.
ARCH          ?= $(shell uname -m)
CROSS_COMPILE ?=
SYSROOT       ?=
arch_of = $(shell echo '$(1)' | sed 's/x86_64/x86/; s/aarch64/arm64/; s/armv.*/arm/; s/ppc64.*/powerpc/; \
	s/s390x/s390/; s/riscv64/riscv/; s/loongarch64/loongarch/; s/mips.*/mips/')
arch  := $(call arch_of,$(ARCH))
cross := $(filter-out $(call arch_of,$(shell uname -m)),$(arch))

# What a caller may set, on the command line or in the environment.
ifneq (,$(filter default undefined,$(origin CC)))
CC := $(CROSS_COMPILE)gcc$(if $(SYSROOT), --sysroot=$(SYSROOT))
endif
ifneq (,$(filter default undefined,$(origin AR)))
AR := $(CROSS_COMPILE)ar
endif
CLANG      ?= clang
BPFTOOL    ?= bpftool
PKG_CONFIG ?= pkg-config
INSTALL    ?= install
SCDOC      ?= scdoc
CFLAGS     ?= -O2 -g
CPPFLAGS   ?=
LDFLAGS    ?=
PREFIX     ?= /usr/local
DESTDIR    ?=
O          ?= $(if $(cross),build-$(arch))
SAN        ?=
V          ?=
# Warnings are errors with the compilers the project is checked with; WERROR= turns that off.
WERROR ?= $(if $(filter 12 12.% 14.0.%,$(shell $(CC) -dumpversion 2>/dev/null)),-Werror)

# Places: S/ the sources, P the prefix of what is produced ("" in the tree), B all but executables.
S := $(patsubst %/,%,$(dir $(realpath $(firstword $(MAKEFILE_LIST)))))
ifneq (2,$(words $(S) $(CURDIR)))
$(error make cannot handle spaces in a path: $(CURDIR))
endif
ifeq ($(O)$(CURDIR),$(S))
S := .
P :=
else
P := $(if $(O),$(O),$(CURDIR))/
endif
B := $(P)build$(if $(filter 1,$(SAN)),/san)

ifeq ($(V),1)
Q :=
say =
else
Q := @
say = @printf '  %-8s %s\n' '$(1)' '$(2)';
endif

ifeq ($(SAN),1)
san_ld := -fsanitize=address,undefined
san_cc := $(san_ld) -fno-sanitize-recover=undefined -fno-omit-frame-pointer
endif
ifneq (,$(cross))
lib_config := PKG_CONFIG_SYSROOT_DIR=$(SYSROOT) PKG_CONFIG_PATH= \
	PKG_CONFIG_LIBDIR=$(SYSROOT)/usr/lib/$(CROSS_COMPILE:-=)/pkgconfig:$(SYSROOT)/usr/share/pkgconfig
endif
modules := libbpf libelf zlib libpcap json-c libmnl libnftables libcap
libs := $(or $(shell $(lib_config) $(PKG_CONFIG) --libs $(modules) 2>/dev/null), \
	-lbpf -lelf -lz -lpcap -ljson-c -lmnl -lnftables -lcap)
includes := $(shell $(lib_config) $(PKG_CONFIG) --cflags $(modules) 2>/dev/null)

# Hidden, so that a name of ours is never taken for the same one between two libraries.
cc_flags = -std=gnu17 -fvisibility=hidden -Wall -Wextra $(WERROR) $(san_cc) -MMD -MP $(CPPFLAGS) $(CFLAGS)
ld_flags = $(san_ld) $(CFLAGS) -Wl,--as-needed $(LDFLAGS)
bpf_flags = -target bpf -D__TARGET_ARCH_$(arch) -O2 -g -mcpu=v3 -Wall -Werror -MMD -MP \
	-I$(S)/vmlinux -I$(S)/bpf $(shell $(PKG_CONFIG) --cflags libbpf 2>/dev/null)

# What there is to build.
apps       := $(patsubst $(S)/apps/%.c,%,$(wildcard $(S)/apps/*.c))
bpf_names  := $(patsubst $(S)/bpf/%.bpf.c,%,$(wildcard $(S)/bpf/*.bpf.c))
loader_src := $(wildcard $(S)/loader/*.c)
loader_obj := $(patsubst $(S)/%.c,$(B)/%.o,$(filter-out %/main.c,$(loader_src)))
tests      := $(patsubst $(S)/%.c,$(B)/%,$(wildcard $(S)/tests/unit/test_*.c))
test_help  := $(patsubst $(S)/%.c,$(B)/%.o,$(wildcard $(S)/tests/unit/helper_*.c))
skeletons  := $(bpf_names:%=$(B)/%.skel.h)
bpf_tests  := $(patsubst $(S)/tests/bpf/%.c,$(B)/tests/bpf/%,$(filter-out %.bpf.c,$(wildcard $(S)/tests/bpf/*.c)))
bpf_helped := $(patsubst $(S)/%.bpf.c,$(B)/%.skel.h,$(wildcard $(S)/tests/bpf/*.bpf.c))
# these must wait for the skeletons the first time; later the dependency files know
skel_users := $(patsubst $(S)/%.c,$(B)/%.o,$(if $(loader_src),$(shell grep -l '\.skel\.h"' $(loader_src))))
benches    := $(patsubst $(S)/bench/%.c,$(P)build/bench/%,$(wildcard $(S)/bench/*.c))
man        := $(if $(shell command -v $(SCDOC)),$(patsubst $(S)/docs/%.scd,$(B)/%,$(wildcard $(S)/docs/*.1.scd)))

all_apps := $(apps:%=$(P)apps/%)
trace    := $(if $(wildcard $(S)/loader/main.c),$(P)trace)

.PHONY: all apps bench unit-tests bpf-tests check check-unit check-vm check-long vm vm-clean demo lint format install uninstall clean \
	vmlinux help FORCE $(apps)

all: $(trace) $(all_apps) $(man)
apps: $(all_apps)
$(apps): %: $(P)apps/%
bench: $(benches)
unit-tests: $(tests)
bpf-tests: $(bpf_tests)
ifneq (,$(P))
.PHONY: trace
trace: $(P)trace
endif

# Stamps hold what was said the last time; one that differs is rewritten, and what depends on it
# is built anew. They are compared before make reads the rule: GNU make 4.3 garbles $(file <) in one.
define stamp
$(1): $(if $(subst |$(file <$(1))|,,|$($(2))|),FORCE)
	@mkdir -p $$(@D)
	@printf '%s\n' '$$(subst ','\'',$$($(2)))' >$$@
endef
cc_says   = $(CC) $(cc_flags) $(includes)
ld_says   = $(CC) $(ld_flags) $(libs)
bpf_says  = $(CLANG) $(bpf_flags) $(BPFTOOL)
files_say = $(loader_obj) $(test_help)
variant_says = $(B)
$(eval $(call stamp,$(B)/flags.cc,cc_says))
$(eval $(call stamp,$(B)/flags.ld,ld_says))
$(eval $(call stamp,$(B)/flags.bpf,bpf_says))
$(eval $(call stamp,$(B)/files,files_say))
$(eval $(call stamp,$(P)build/variant,variant_says))

# Is there what is needed? One line says what is not, before any compiler does at length.
need = @$(lib_config) CROSS='$(cross)' CC='$(CC)' CLANG='$(CLANG)' BPFTOOL='$(BPFTOOL)' PKG_CONFIG='$(PKG_CONFIG)' \
	$(S)/tools/deps.sh need $(1) && touch $@
$(B)/need.apps: $(B)/flags.cc
	$(call need,apps)
$(B)/need.build: $(B)/flags.cc $(B)/flags.bpf
	$(call need,build)
$(B)/need.unit: $(B)/flags.cc
	$(call need,unit)

# apps: one file, one program
$(B)/apps/%.o: $(S)/apps/%.c $(B)/flags.cc | $(B)/need.apps
	@mkdir -p $(@D)
	$(call say,CC,$@)$(CC) $(cc_flags) -c $< -o $@

$(B)/bin/apps/%: $(B)/apps/%.o $(B)/flags.ld
	@mkdir -p $(@D)
	$(call say,LINK,$@)$(CC) $(ld_flags) $< -o $@

# where a learner types them: with SAN=1, those with sanitizers
$(all_apps): $(P)apps/%: $(B)/bin/apps/% $(P)build/variant
	@mkdir -p $(@D)
	$(Q)$(INSTALL) -m 755 $< $@

$(P)trace: $(B)/bin/trace $(P)build/variant
	$(Q)$(INSTALL) -m 755 $< $@

# bpf: needs no BTF of the running kernel
$(B)/%.bpf.o: $(S)/bpf/%.bpf.c $(B)/flags.bpf | $(B)/need.build
	@mkdir -p $(@D)
	$(call say,CLANG,$@)$(CLANG) $(bpf_flags) -c $< -o $@

$(B)/tests/bpf/%.bpf.o: $(S)/tests/bpf/%.bpf.c $(B)/flags.bpf | $(B)/need.build
	@mkdir -p $(@D)
	$(call say,CLANG,$@)$(CLANG) $(bpf_flags) -c $< -o $@

$(B)/%.skel.h: $(B)/%.bpf.o
	$(call say,SKEL,$@)$(BPFTOOL) gen skeleton $< name $(*F)_bpf >$@

# loader
$(skel_users): | $(skeletons)
$(B)/loader/%.o: $(S)/loader/%.c $(B)/flags.cc | $(B)/need.build
	@mkdir -p $(@D)
	$(call say,CC,$@)$(CC) $(cc_flags) -I$(B) $(includes) -c $< -o $@

$(B)/loader.a: $(loader_obj) $(B)/files
	$(call say,AR,$@)rm -f $@ && $(AR) rcsD $@ $(loader_obj)

$(B)/bin/trace: $(B)/loader/main.o $(B)/loader.a $(B)/flags.ld
	@mkdir -p $(@D)
	$(call say,LINK,$@)$(CC) $(ld_flags) $< $(B)/loader.a $(libs) -o $@

# unit tests: an archive, so that a test of pure code does not drag libbpf in
$(B)/tests/unit/%.o: $(S)/tests/unit/%.c $(B)/flags.cc | $(B)/need.build $(B)/need.unit
	@mkdir -p $(@D)
	$(call say,CC,$@)$(CC) $(cc_flags) -I$(S)/loader $(includes) -c $< -o $@

$(tests): $(B)/tests/unit/%: $(B)/tests/unit/%.o $(test_help) $(B)/loader.a $(B)/files $(B)/flags.ld
	$(call say,LINK,$@)$(CC) $(ld_flags) $< $(test_help) $(B)/loader.a $(libs) -lcmocka -o $@

# tests of what runs in the kernel; tests/bpf/*.t run them
$(bpf_tests): | $(skeletons) $(bpf_helped)
$(B)/tests/bpf/%: $(S)/tests/bpf/%.c $(B)/loader.a $(B)/flags.cc $(B)/flags.ld | $(B)/need.build
	@mkdir -p $(@D)
	$(call say,BUILD,$@)$(CC) $(cc_flags) -I$(B) -I$(B)/tests/bpf $(includes) $< -o $@ $(B)/loader.a $(ld_flags) $(libs)

# bench: measured, so never with sanitizers
$(benches): | $(skeletons)
$(P)build/bench/%: $(S)/bench/%.c $(B)/flags.cc $(B)/flags.ld | $(B)/need.build
	@mkdir -p $(@D)
	$(call say,BENCH,$@)$(CC) $(filter-out $(san_cc),$(cc_flags)) -I$(B) $(includes) $< -o $@ \
		$(filter-out $(san_ld),$(ld_flags)) $(libs)

$(B)/%.1: $(S)/docs/%.1.scd
	@mkdir -p $(@D)
	$(call say,MAN,$@)$(SCDOC) <$< >$@

.SECONDARY:

# Everyday commands. The scripts install what is missing and call make again to build.
clean_make = env -u MAKEFLAGS -u MFLAGS -u MAKELEVEL
in_tree = @test -z '$(P)' || { echo '$@ uses the executables in the tree: leave O= out' >&2; exit 1; };

check:
	$(in_tree) $(clean_make) $(S)/tools/check.sh

check-unit: unit-tests
	$(Q)$(S)/tools/check.sh unit $(if $(P),$(abspath $(tests)),$(tests))

demo:
	$(in_tree) $(clean_make) $(S)/tools/demo.sh

vm check-vm check-long:
	$(in_tree) $(clean_make) $(S)/tools/vm.sh $@ $(KERNEL)

vm-clean:
	$(Q)$(S)/tests/vm/kit.sh remove $(KERNEL)

lint:
	$(Q)$(S)/tools/lint.sh

format:
	$(Q)$(S)/tools/lint.sh format

vmlinux:
	$(Q)mkdir -p $(P)build/vmlinux
	$(call say,BTF,$(P)build/vmlinux/vmlinux.h)$(BPFTOOL) btf dump file /sys/kernel/btf/vmlinux format c \
		>$(P)build/vmlinux/vmlinux.h

clean:
	$(Q)rm -rf $(P)build $(P)trace $(all_apps)
	$(if $(P),$(Q)rmdir $(P)apps 2>/dev/null || true)

# Installation: hopscope, and `trace` as its second name where nobody else has that name.
bindir := $(DESTDIR)$(PREFIX)/bin
mandir := $(DESTDIR)$(PREFIX)/share/man/man1
docdir := $(DESTDIR)$(PREFIX)/share/doc/hopscope
doc_files := $(wildcard $(addprefix $(S)/,README.md ARCHITECTURE.md LICENSE docs/*.json docs/*.md))
# $(call second_name,FILE,TARGET): a link, unless FILE is somebody else's
second_name = if [ ! -e $(1) ] && [ ! -L $(1) ] || [ "$$(readlink $(1))" = $(2) ]; then \
	ln -sfn $(2) $(1); else echo 'left alone, it is not ours: $(1)'; fi
# $(call remove_second_name,FILE,TARGET)
remove_second_name = if [ "$$(readlink $(1))" = $(2) ]; then rm -f $(1); fi

install: $(P)trace $(man)
	$(Q)$(INSTALL) -d $(bindir) $(docdir)
	$(Q)$(INSTALL) -m 755 $(P)trace $(bindir)/hopscope
	$(Q)$(call second_name,$(bindir)/trace,hopscope)
	$(Q)$(INSTALL) -m 644 $(doc_files) $(docdir)
ifneq (,$(man))
	$(Q)$(INSTALL) -d $(mandir)
	$(Q)$(INSTALL) -m 644 $(B)/trace.1 $(mandir)/hopscope.1
	$(Q)$(call second_name,$(mandir)/trace.1,hopscope.1)
endif

uninstall:
	$(Q)$(call remove_second_name,$(bindir)/trace,hopscope)
	$(Q)$(call remove_second_name,$(mandir)/trace.1,hopscope.1)
	$(Q)rm -f $(bindir)/hopscope $(mandir)/hopscope.1 $(addprefix $(docdir)/,$(notdir $(doc_files)))
	$(Q)if [ -d $(docdir) ]; then rmdir --ignore-fail-on-non-empty $(docdir); fi

help:
	@echo 'make           build ./trace and every exercise in apps/'
	@echo 'make demo      watch two datagrams hop through the kernel (asks before it installs anything)'
	@echo 'make check     build, run every test and lint (asks before it installs anything)'
	@echo
	@echo 'make NAME      build one exercise: $(firstword $(filter time_server,$(apps)) $(apps)), ...'
	@echo 'make apps      build the exercises only; they need nothing but a C compiler'
	@echo 'make bench     what bench/*.sh and some kernel tests run'
	@echo 'make vm KERNEL=6.12    a shell in a VM with that kernel; no root (tests/vm/kernels has them all)'
	@echo 'make demo VM=6.12      the demo there'
	@echo 'make check-vm [KERNEL=6.12]   some tests of tracing under all those kernels, or one; make check-long all'
	@echo 'make vm-clean  remove the kernels that were fetched for that'
	@echo
	@echo 'make check-unit  run the unit tests only; no root'
	@echo 'make lint      formatting, shellcheck, cppcheck, direction of includes'
	@echo 'make format    let clang-format rewrite the C sources'
	@echo 'make install   hopscope, trace, man page: PREFIX=$(PREFIX) DESTDIR=$(DESTDIR)'
	@echo 'make uninstall remove exactly that'
	@echo 'make vmlinux   dump all types of the running kernel, for exploring'
	@echo 'make clean     remove what was built'
	@echo
	@echo 'V=1 shows the commands, SAN=1 builds with sanitizers, O=DIR builds outside the tree, YES=1 does'
	@echo 'not ask. CC CLANG BPFTOOL PKG_CONFIG CFLAGS LDFLAGS are honoured; a change of them rebuilds.'
	@echo 'ARCH=arm64 CROSS_COMPILE=aarch64-linux-gnu- [SYSROOT=DIR] builds for another machine, below build-arm64/'

FORCE:

-include $(wildcard $(P)build/bench/*.d $(B)/*.d $(B)/apps/*.d $(B)/loader/*.d $(B)/tests/unit/*.d $(B)/tests/bpf/*.d)
