/*
 * The agent's settings: nova-migration-agent.conf (iniparser) and, from it, Nova's own.
 *
 * One table (settings.c) holds each option with type, unit, range, default and help; the example
 * configuration and the manual are checked against it. An unknown option or a wrong value is an
 * error that names file, group and option.
 */
#pragma once

#include <glib.h>

#include "agent/core/remedy.h"
#include "agent/hypervisor/hypervisor.h"

/* the build's --sysconfdir decides */
#ifndef NMA_SYSCONFDIR
#define NMA_SYSCONFDIR "/etc"
#endif
#define NMA_SETTINGS_DEFAULT_FILE NMA_SYSCONFDIR "/nova-migration-agent/nova-migration-agent.conf"

/* the order in which [policy] name has them */
typedef enum { NMA_ON_REFUSAL_REPORT, NMA_ON_REFUSAL_ABORT } NmaOnRefusal;
typedef enum { NMA_POLICY_CAREFUL, NMA_POLICY_MUST_FINISH, NMA_N_POLICIES } NmaPolicyName;

typedef struct {
    /* [agent] */
    char *state_dir;
    char *run_dir; /* control socket */
    NmaMode mode;
    char *topic;        /* our RPC topic */
    char *log_level;    /* debug info warning error */
    char *metrics_file; /* "" = none */
    gint64 conductor_interval_ms;
    gint64 max_open_migrations;
    gint64 traces; /* so many are kept; 0: none is recorded */
    /* [nova] */
    GStrv nova_config_files, nova_config_dirs;
    char *connection_file; /* "" = nova.conf's own */
    /* [libvirt] */
    char *libvirt_uri;
    NmaAccess libvirt_access;
    gint64 libvirt_call_deadline_ms;
    /* [tap] */
    char *tap_queue_type; /* auto quorum classic off */
    /* [policy], [policy-careful], [policy-must-finish] */
    NmaPolicyName policy;
    gint64 max_speed_mib_s;
    GStrv careful_ladder, must_finish_ladder;
    gint64 careful_max_total_s, careful_hopeless_s;
    gint64 must_finish_max_downtime_ms, must_finish_max_pause_ms;
    gint64 must_finish_max_post_copy_s, must_finish_max_total_s, must_finish_hopeless_s;
    NmaPolicy policies[NMA_N_POLICIES]; /* made of these */
    /* [reports] */
    GStrv report_topics;
    char *report_transport_url; /* raw, holds the password; never print */
    gint64 progress_interval_ms;
    /* [audit] */
    gboolean audit_enabled;
    char *audit_release; /* "" = as nova-conf-tool chooses */
    GStrv audit_ignore;
    gint64 audit_interval_ms;

    /* [checks] */
    gint64 checks_deadline_ms;
    gint64 max_incoming; /* 0: no limit */
    NmaOnRefusal on_refusal;
    char *maintenance_file;
    gint64 migration_port; /* first of QEMU's range */
    char *libvirt_pki_dir, *qemu_pki_dir;

    /* from nova.conf, effective */
    char *host;          /* Nova's name of this host */
    char *transport_url; /* raw, holds the password; never print */
    char *control_exchange;
    gint64 reserved_host_memory_mib;
    gint64 ram_ratio_permille; /* NMA_UNKNOWN: not set */
    GStrv reserved_huge_pages; /* as they are written: see nma_facts_keep_huge_pages */
    gint64 cpu_ratio_permille, disk_ratio_permille; /* NMA_UNKNOWN: not set */
    gint64 reserved_host_disk_mib;
    char *cpu_shared_set, *cpu_dedicated_set, *vcpu_pin_set; /* "": not set */
    char *instances_path;
    char *live_migration_inbound_addr, *live_migration_uri,
        *live_migration_scheme; /* "": not set */
    gboolean live_migration_permit_post_copy, live_migration_permit_auto_converge;
    gboolean live_migration_with_native_tls;
    /* [libvirt] live_migration_…: what Nova will do with a migration by itself */
    gint64 live_migration_downtime_ms, live_migration_downtime_steps;
    gint64 live_migration_downtime_delay_s, live_migration_completion_timeout_s;
    gint64 live_migration_bandwidth_mib_s;
    char *live_migration_timeout_action; /* abort, force_complete */
    /* [oslo_messaging_rabbit], as far as it concerns us: see rpc/bus.h */
    gboolean amqp_durable_queues, amqp_auto_delete, rabbit_quorum_queue,
        rabbit_transient_quorum_queue;
    gint64 rabbit_transient_queues_ttl_s, heartbeat_timeout_threshold_s;
    gboolean ssl;
    char *ssl_version, *ssl_ca_file, *ssl_cert_file, *ssl_key_file; /* "" = not set */
    gboolean ssl_enforce_hostname_verification;
    char *rabbit_login_method; /* AMQPLAIN PLAIN EXTERNAL … */

    GStrv files_read; /* in order: ours, then Nova's */
} NmaSettings;

#define NMA_SETTINGS_ERROR (nma_settings_error_quark())
GQuark nma_settings_error_quark(void);
typedef enum {
    NMA_SETTINGS_ERROR_READ,
    NMA_SETTINGS_ERROR_INVALID,
} NmaSettingsError;

/* file NULL: NMA_SETTINGS_DEFAULT_FILE where it exists, else the defaults. A file that is named
 * must exist. The text of an error never quotes a secret. */
NmaSettings *nma_settings_load(const char *file, GError **error);
/* Only our own file: what is Nova's stays NULL and 0. For the sub-commands that ask the running
 * agent, which need run_dir alone. */
NmaSettings *nma_settings_load_own(const char *file, GError **error);
void nma_settings_free(NmaSettings *settings);
G_DEFINE_AUTOPTR_CLEANUP_FUNC(NmaSettings, nma_settings_free)
const char *nma_mode_to_string(NmaMode mode);
gboolean nma_mode_from_string(const char *text, NmaMode *mode);
