/* The inside of a fleet, for the files that make up fleet.h, and the codes of its rules. */
#pragma once

#include "nova-conf-tool/fleet.h"

#define NCT_CODE_FLEET_DIFFERS  "NC701"
#define NCT_CODE_FLEET_POLICY   "NC702"
#define NCT_CODE_FLEET_SAME     "NC703"
#define NCT_CODE_FLEET_VERSIONS "NC704"
#define NCT_CODE_FLEET_UNUSABLE "NC705"
#define NCT_CODE_FLEET_CPUS     "NC706"
#define NCT_CODE_FLEET_MODEL    "NC707"
#define NCT_CODE_FLEET_NO_FACTS "NC708"

#define NCT_FLEET_MAX_SETTINGS 40

typedef enum {
    NCT_FLEET_ALIKE,  /* guests move badly between hosts where it differs */
    NCT_FLEET_POLICY, /* the source's counts: a guest is moved otherwise there than back */
    NCT_FLEET_OWN,    /* no two hosts may have the same */
} NctFleetKind;

typedef struct {
    NctFleetKind kind;
    const char *group;
    const char *name;
    const char *reason; /* POLICY: NULL */
} NctFleetSetting;

/* texts belong to the fleet */
typedef struct {
    const char *text;  /* effective; NULL = not to be compared */
    const char *shown; /* masked */
    const char *path;  /* where it is set; NULL = nowhere */
    guint line, column;
    const char *silenced; /* codes that a comment in the file silences here; NULL = none */
} NctFleetValue;

typedef struct {
    const char *name;
    const char *path; /* its first file */
    char *version;    /* of the installed Nova, or NULL */
    char *cpu_mode;   /* NULL = unset */
    GStrv cpu_models;
    NctCpuFacts *cpu;
    NctFleetValue values[NCT_FLEET_MAX_SETTINGS];
} NctFleetHost;

struct NctFleet {
    const NctAuditOptions *options;
    guint release;
    GPtrArray *hosts; /* NctFleetHost */
    GStringChunk *texts;
};

/* takes message and advice; NULL if nobody asked for it. place may be NULL: the host as a whole. */
NctFinding *nct_fleet_report(GPtrArray *findings, const NctFleet *fleet, const char *code,
                             const NctFleetHost *host, const NctFleetValue *place, char *message,
                             char *advice);

/* what a host has for a setting of the table */
const NctFleetValue *nct_fleet_value(const NctFleet *fleet, const NctFleetHost *host,
                                     const char *group, const char *name);

void nct_fleet_compare_cpus(GPtrArray *findings, const NctFleet *fleet);
