/* NC4xx: the guests' CPU. */
#include <string.h>

#include "nova-conf-tool/audit.h"
#include "nova-conf-tool/classify.h"
#include "nova-conf-tool/rules/cpu_models.h"

#define L "libvirt"
#define W "workarounds"

/* cpu_models from Train (20) on, cpu_model before */
static const char *
models_option(const NctAudit *audit)
{
    return audit->release >= 20 ? "cpu_models" : "cpu_model";
}

static gboolean
is_custom(const NctAudit *audit)
{
    g_autofree char *mode = nct_audit_text(audit, L, "cpu_mode");

    return g_strcmp0(mode, "custom") == 0;
}

static GStrv
configured_models(const NctAudit *audit)
{
    return nct_audit_list(audit, L, models_option(audit));
}

/* whether a flag is asked for by cpu_model_extra_flags */
static gboolean
has_flag(const NctAudit *audit, const char *flag)
{
    g_auto(GStrv) flags = nct_audit_list(audit, L, "cpu_model_extra_flags");

    for (char **one = flags; *one; one++)
        if (g_ascii_strcasecmp(**one == '+' ? *one + 1 : *one, flag) == 0)
            return TRUE;
    return FALSE;
}

/* ---- NC410 legacy models ---- */

/*
 * Also where the line stands in a group that nobody reads: whoever moves it to where it works
 * should know what it does there.
 */
static void
check_legacy(NctAudit *audit, const NctRule *rule)
{
    g_autofree char *mode = nct_audit_text(audit, L, "cpu_mode");
    g_autofree char *unread =
        g_strdup_printf("the line is not read here (guests get [libvirt] cpu_mode, %s), and should "
                        "not be moved either: ",
                        mode ? mode : "unset: host-model on KVM");

    for (guint i = 0; i < audit->lines->len; i++) {
        const NctLineClass *line = &g_array_index(audit->lines, NctLineClass, i);
        const char *name = models_option(audit);
        g_auto(GStrv) items = NULL;
        gboolean read = g_str_equal(line->entry->group, L);

        if (!g_str_equal(line->entry->key, "cpu_model") &&
            !g_str_equal(line->entry->key, "cpu_models"))
            continue;
        items = g_strsplit(line->entry->value, ",", 100);
        for (char **item = items; *item; item++) {
            const NctCpuModel *model = nct_cpu_model_find(g_strstrip(*item));
            g_autofree char *advice = NULL;

            if (!model || !(model->traits & NCT_CPU_LEGACY))
                continue;
            advice = g_strdup_printf(
                "[libvirt] %s = the newest model that all hosts can run, for instance %s; 'virsh "
                "hypervisor-cpu-baseline' over all hosts' 'virsh domcapabilities' finds it",
                name, audit->release >= 23 ? "Skylake-Server-noTSX-IBRS" : "Haswell-noTSX-IBRS");
            nct_audit_report(
                audit, rule, line->entry, advice,
                "%s%s gives guests a processor of about 2005: no AES, SSE4, AVX or PCID, and "
                "none of the flags by which a guest protects itself (spec-ctrl, ssbd, md-clear)",
                read ? "" : unread, model->name);
            break;
        }
    }
}

/* ---- other looks at the models ---- */

typedef char *(*ModelCheck)(const NctAudit *audit, const NctCpuModel *model, char **advice);

static void
for_each_model(NctAudit *audit, const NctRule *rule, ModelCheck check)
{
    g_auto(GStrv) models = NULL;

    if (!is_custom(audit))
        return;
    models = configured_models(audit);
    for (char **name = models; *name; name++) {
        const NctCpuModel *model = nct_cpu_model_find(*name);
        g_autofree char *advice = NULL;
        g_autofree char *message = model ? check(audit, model, &advice) : NULL;

        if (message) {
            nct_audit_report_option(audit, rule, L, models_option(audit), advice, "%s", message);
            return;
        }
    }
}

static char *
lacks_pcid(const NctAudit *audit, const NctCpuModel *model, char **advice)
{
    if (!(model->traits & NCT_CPU_NEEDS_PCID) || has_flag(audit, "pcid"))
        return NULL;
    *advice = g_strdup("[libvirt] cpu_model_extra_flags = pcid (from Nova 15 on)");
    return g_strdup_printf(
        "%s lacks pcid, without which a guest's protection against Meltdown is slow", model->name);
}

static void
check_pcid(NctAudit *audit, const NctRule *rule)
{
    for_each_model(audit, rule, lacks_pcid);
}

static char *
lacks_mitigation(const NctAudit *audit, const NctCpuModel *model, char **advice)
{
    gboolean intel = model->traits & NCT_CPU_NO_SPEC_CTRL && !has_flag(audit, "spec-ctrl");
    gboolean amd = model->traits & NCT_CPU_NO_IBPB && !has_flag(audit, "ibpb");

    if (!intel && !amd)
        return NULL;
    *advice = g_strdup_printf("%s, if all hosts can run it", model->with_mitigation);
    return g_strdup_printf("%s lacks %s, so guests cannot protect themselves against Spectre v2",
                           model->name, intel ? "spec-ctrl" : "ibpb");
}

static void
check_mitigation(NctAudit *audit, const NctRule *rule)
{
    for_each_model(audit, rule, lacks_mitigation);
}

static char *
lacks_ssbd(const NctAudit *audit, const NctCpuModel *model, char **advice)
{
    if (model->traits & NCT_CPU_INTEL) {
        /* newer models have these themselves */
        if (!(model->traits & NCT_CPU_NO_SPEC_CTRL) && !g_str_has_suffix(model->name, "-IBRS"))
            return NULL;
        if (has_flag(audit, "ssbd") && has_flag(audit, "md-clear"))
            return NULL;
        *advice =
            g_strdup("[libvirt] cpu_model_extra_flags = ssbd, md-clear (with pcid where needed)");
        return g_strdup_printf("%s has neither ssbd nor md-clear of its own", model->name);
    }
    if (!g_str_has_prefix(model->name, "EPYC") || g_str_equal(model->name, "EPYC-Genoa") ||
        has_flag(audit, "amd-ssbd") || has_flag(audit, "virt-ssbd"))
        return NULL;
    *advice = g_strdup("[libvirt] cpu_model_extra_flags = amd-ssbd, virt-ssbd");
    return g_strdup_printf("%s has neither amd-ssbd nor virt-ssbd of its own", model->name);
}

static void
check_ssbd(NctAudit *audit, const NctRule *rule)
{
    for_each_model(audit, rule, lacks_ssbd);
}

static void
check_order(NctAudit *audit, const NctRule *rule)
{
    g_auto(GStrv) models = is_custom(audit) ? configured_models(audit) : NULL;

    if (models && g_strv_length(models) > 1)
        nct_audit_report_option(
            audit, rule, L, "cpu_models", NULL,
            "every guest whose flavor asks for no CPU trait gets the first model, %s; "
            "the others are for traits only",
            models[0]);
}

static void
check_spelling(NctAudit *audit, const NctRule *rule)
{
    g_auto(GStrv) models = is_custom(audit) ? configured_models(audit) : NULL;

    for (char **name = models; name && *name; name++) {
        const NctCpuModel *similar =
            nct_cpu_model_find(*name) ? NULL : nct_cpu_model_similar(*name);
        g_autofree char *advice = NULL;

        if (!similar)
            continue;
        advice = g_strdup_printf("did you mean %s?", similar->name);
        nct_audit_report_option(audit, rule, L, models_option(audit), advice,
                                "%s is not a CPU model that libvirt is known to have", *name);
    }
}

/* ---- flags ---- */

static void
check_signs(NctAudit *audit, const NctRule *rule)
{
    g_auto(GStrv) flags = nct_audit_list(audit, L, "cpu_model_extra_flags");

    for (char **flag = flags; *flag; flag++)
        if (**flag == '+' || **flag == '-') {
            nct_audit_report_option(
                audit, rule, L, "cpu_model_extra_flags", "write the flag without a sign",
                "before Nova 23 the sign in '%s' is part of the flag's name, and libvirt "
                "refuses every guest",
                *flag);
            return;
        }
}

static void
check_contradiction(NctAudit *audit, const NctRule *rule)
{
    g_auto(GStrv) flags = nct_audit_list(audit, L, "cpu_model_extra_flags");

    for (char **flag = flags; *flag; flag++)
        if (**flag == '-' && has_flag(audit, *flag + 1)) {
            nct_audit_report_option(audit, rule, L, "cpu_model_extra_flags", "keep one of the two",
                                    "%s is both required and forbidden", *flag + 1);
            return;
        }
}

static void
check_mode_for_virt_type(NctAudit *audit, const NctRule *rule)
{
    g_autofree char *virt_type = nct_audit_text(audit, L, "virt_type");
    g_autofree char *mode = nct_audit_text(audit, L, "cpu_mode");

    if (!virt_type || !mode || g_str_equal(mode, "none") || g_str_equal(virt_type, "kvm") ||
        g_str_equal(virt_type, "qemu"))
        return;
    nct_audit_report_option(
        audit, rule, L, "cpu_mode", "take out cpu_mode",
        "cpu_mode = %s is for kvm and qemu only; with virt_type = %s %s", mode, virt_type,
        audit->release >= 20 ? "nova-compute does not start" : "no guest can be built");
}

#define COMPUTE .flags = NCT_RULE_COMPUTE
#define RESTART                                                                                    \
    "\n\nA change reaches a running guest only when it is stopped and started again; until then "  \
    "it keeps "                                                                                    \
    "the processor it has, through every live migration."

static const NctRule rules[] = {
    {
        .code = "NC401",
        .name = "custom-without-model",
        .severity = NCT_SEVERITY_ERROR,
        .last = 19,
        COMPUTE,
        .summary = "cpu_mode = custom without cpu_model: no guest can be built",
        .advice = "set cpu_model, or another cpu_mode",
        .when = { { NCT_WHEN_IS, L, "cpu_mode", "custom" }, { NCT_WHEN_EMPTY, L, "cpu_model" } },
        .explain = "Source: nova/virt/libvirt/driver.py, _get_guest_cpu_model_config, 13.0.0 to "
                   "19.3.2." RESTART,
        .example_release = 19,
        .bad = "[libvirt]\ncpu_mode = custom\n",
        .good = "[libvirt]\ncpu_mode = custom\ncpu_model = Haswell-noTSX-IBRS\n",
    },
    {
        .code = "NC402",
        .name = "model-without-custom",
        .severity = NCT_SEVERITY_ERROR,
        .last = 19,
        COMPUTE,
        .summary = "cpu_model needs cpu_mode = custom: no guest can be built",
        .advice = "cpu_mode = custom, or take out cpu_model",
        .when = { { NCT_WHEN_NOT_EMPTY, L, "cpu_model" },
                  { NCT_WHEN_IS_NOT, L, "cpu_mode", "custom" },
                  { NCT_WHEN_IS_NOT, L, "cpu_mode", "none" },
                  { NCT_WHEN_ONE_OF, L, "virt_type", "kvm|qemu" } },
        .explain = "cpu_mode unset means host-model with kvm and qemu.\n\nSource: "
                   "nova/virt/libvirt/driver.py, _get_guest_cpu_model_config, 13.0.0 to 19.3.2.",
        .example_release = 19,
        .bad = "[libvirt]\ncpu_mode = host-model\ncpu_model = Haswell\n",
        .good = "[libvirt]\ncpu_mode = custom\ncpu_model = Haswell\n",
    },
    {
        .code = "NC403",
        .name = "model-ignored",
        .severity = NCT_SEVERITY_WARNING,
        .last = 19,
        COMPUTE,
        .summary = "with cpu_mode = none, cpu_model is ignored",
        .advice = "cpu_mode = custom, or take out cpu_model",
        .when = { { NCT_WHEN_NOT_EMPTY, L, "cpu_model" }, { NCT_WHEN_IS, L, "cpu_mode", "none" } },
        .explain = "Guests get QEMU's default processor.",
        .example_release = 19,
        .bad = "[libvirt]\ncpu_mode = none\ncpu_model = Haswell\n",
        .good = "[libvirt]\ncpu_mode = custom\ncpu_model = Haswell\n",
    },
    {
        .code = "NC404",
        .name = "custom-without-models",
        .severity = NCT_SEVERITY_ERROR,
        .first = 20,
        COMPUTE,
        .summary = "cpu_mode = custom without cpu_models: nova-compute does not start",
        .advice = "set cpu_models, or another cpu_mode",
        .when = { { NCT_WHEN_IS, L, "cpu_mode", "custom" }, { NCT_WHEN_EMPTY, L, "cpu_models" } },
        .explain = "Source: nova/virt/libvirt/driver.py, _check_cpu_compatibility, 20.0.0 to "
                   "33.0.2." RESTART,
        .example_release = 33,
        .bad = "[libvirt]\ncpu_mode = custom\n",
        .good = "[libvirt]\ncpu_mode = custom\ncpu_models = Cascadelake-Server-noTSX\n",
    },
    {
        .code = "NC405",
        .name = "models-without-custom",
        .severity = NCT_SEVERITY_ERROR,
        .first = 20,
        COMPUTE,
        .summary = "cpu_models needs cpu_mode = custom: nova-compute does not start",
        .advice = "cpu_mode = custom, or take out cpu_models",
        .when = { { NCT_WHEN_NOT_EMPTY, L, "cpu_models" },
                  { NCT_WHEN_IS_NOT, L, "cpu_mode", "custom" } },
        .explain = "cpu_mode unset and none count as not custom, too.\n\nSource: "
                   "nova/virt/libvirt/driver.py, "
                   "_check_cpu_compatibility, 20.0.0 to 33.0.2.",
        .example_release = 33,
        .bad = "[libvirt]\ncpu_models = Cascadelake-Server-noTSX\n",
        .good = "[libvirt]\ncpu_mode = custom\ncpu_models = Cascadelake-Server-noTSX\n",
    },
    {
        .code = "NC406",
        .name = "cpu-mode-for-other-virt-type",
        .severity = NCT_SEVERITY_ERROR,
        COMPUTE,
        .summary = "cpu_mode with a virt_type that is neither kvm nor qemu",
        .when = { { NCT_WHEN_SET, L, "cpu_mode" } },
        .check = check_mode_for_virt_type,
        .explain = "Refused when a guest is built up to 19.3.2, at start from 20.0.0.\n\nSource: "
                   "nova/virt/libvirt/driver.py, _get_guest_cpu_model_config and "
                   "_check_cpu_compatibility.",
        .example_release = 33,
        .bad = "[libvirt]\nvirt_type = parallels\ncpu_mode = host-model\n",
        .good = "[libvirt]\nvirt_type = parallels\n",
    },
    {
        .code = "NC407",
        .name = "extra-flags-dropped",
        .severity = NCT_SEVERITY_WARNING,
        .first = 15,
        .last = 17,
        COMPUTE,
        .summary = "with host-model and host-passthrough, this release drops cpu_model_extra_flags",
        .advice = "cpu_mode = custom, or take the flags out",
        .when = { { NCT_WHEN_NOT_EMPTY, L, "cpu_model_extra_flags" },
                  { NCT_WHEN_ONE_OF, L, "cpu_mode", "host-model|host-passthrough" } },
        .explain = "From 18 on they are applied with any mode but none.",
        .example_release = 17,
        .bad = "[libvirt]\ncpu_mode = host-model\ncpu_model_extra_flags = pcid\n",
        .good = "[libvirt]\ncpu_mode = host-model\n",
    },
    {
        .code = "NC408",
        .name = "extra-flags-ignored",
        .severity = NCT_SEVERITY_WARNING,
        .first = 15,
        COMPUTE,
        .summary = "with cpu_mode = none, cpu_model_extra_flags is never looked at",
        .advice = "set another cpu_mode, or take the flags out",
        .when = { { NCT_WHEN_NOT_EMPTY, L, "cpu_model_extra_flags" },
                  { NCT_WHEN_IS, L, "cpu_mode", "none" } },
        .explain = "Source: nova/virt/libvirt/driver.py, _get_guest_cpu_model_config.",
        .example_release = 33,
        .bad = "[libvirt]\ncpu_mode = none\ncpu_model_extra_flags = pcid\n",
        .good = "[libvirt]\ncpu_mode = host-model\ncpu_model_extra_flags = pcid\n",
    },
    {
        .code = "NC409",
        .name = "flag-with-sign",
        .severity = NCT_SEVERITY_ERROR,
        .first = 18,
        .last = 22,
        COMPUTE,
        .summary = "a sign before a CPU flag, which this release does not know",
        .when = { { NCT_WHEN_NOT_EMPTY, L, "cpu_model_extra_flags" } },
        .check = check_signs,
        .explain = "From 23.0.0 on '-' forbids a flag, '+' or nothing requires it. Before, the "
                   "sign goes to libvirt "
                   "with the name.",
        .example_release = 22,
        .bad = "[libvirt]\ncpu_mode = host-model\ncpu_model_extra_flags = +pcid\n",
        .good = "[libvirt]\ncpu_mode = host-model\ncpu_model_extra_flags = pcid\n",
    },
    {
        .code = "NC410",
        .name = "legacy-cpu-model",
        .severity = NCT_SEVERITY_WARNING,
        COMPUTE,
        .summary = "a CPU model that costs guests speed and safety",
        .check = check_legacy,
        .explain =
            "kvm64, qemu64 and their like run everywhere, which is why guides choose them for live "
            "migration. What "
            "is lost: AES instructions (disk encryption and TLS become several times slower), SSE4 "
            "and AVX "
            "(checksums, compression, databases, codecs), PCID (each system call pays for "
            "Meltdown's cure), and "
            "every flag by which a guest kernel protects itself against Spectre and its followers. "
            "QEMU's manual "
            "calls these models legacy and strongly discourages them.\n\nWhat to do: take the "
            "newest named model "
            "that all hosts of the migration domain can run. On each host 'virsh domcapabilities "
            "--virttype kvm' "
            "prints what it can run; put the <cpu> parts into one file and let 'virsh "
            "hypervisor-cpu-baseline' "
            "find the common model. Choose a -noTSX and -IBRS name where there is one, and add "
            "pcid, ssbd and "
            "md-clear by cpu_model_extra_flags where the model lacks them.\n\nWhat it costs: a "
            "host older than the "
            "model can no longer take guests; Nova checks that at start (from 20 on)." RESTART
            "\n\nSource: QEMU docs/system/cpu-models-x86; libvirt virConnectBaselineHypervisorCPU.",
        .example_release = 33,
        .bad = "[libvirt]\ncpu_mode = custom\ncpu_models = kvm64\n",
        .good = "[libvirt]\ncpu_mode = custom\ncpu_models = Cascadelake-Server-noTSX\n",
    },
    {
        .code = "NC411",
        .name = "model-without-pcid",
        .severity = NCT_SEVERITY_INFO,
        COMPUTE,
        .summary = "a CPU model that lacks pcid",
        .when = { { NCT_WHEN_SET, L, "cpu_mode" } },
        .check = check_pcid,
        .explain = "Westmere, SandyBridge and IvyBridge processors have PCID, but the models of "
                   "these names do not. "
                   "Without it every switch between user and kernel flushes the TLB in a guest "
                   "that guards against "
                   "Meltdown.\n\nSource: QEMU docs/system/cpu-models-x86.",
        .example_release = 33,
        .bad = "[libvirt]\ncpu_mode = custom\ncpu_models = IvyBridge-IBRS\n"
               "cpu_model_extra_flags = ssbd, md-clear\n",
        .good = "[libvirt]\ncpu_mode = custom\ncpu_models = IvyBridge-IBRS\n"
                "cpu_model_extra_flags = pcid, ssbd, md-clear\n",
    },
    {
        .code = "NC412",
        .name = "model-without-spectre-mitigation",
        .severity = NCT_SEVERITY_INFO,
        COMPUTE,
        .summary = "a CPU model without the flags against Spectre v2",
        .when = { { NCT_WHEN_SET, L, "cpu_mode" } },
        .check = check_mitigation,
        .explain = "Intel models have spec-ctrl only under their -IBRS names, the first EPYC has "
                   "ibpb only as "
                   "EPYC-IBPB.\n\nSource: QEMU docs/system/cpu-models-x86." RESTART,
        .example_release = 33,
        .bad = "[libvirt]\ncpu_mode = custom\ncpu_models = Skylake-Server\n"
               "cpu_model_extra_flags = ssbd, md-clear\n",
        .good = "[libvirt]\ncpu_mode = custom\ncpu_models = Skylake-Server-IBRS\n"
                "cpu_model_extra_flags = ssbd, md-clear\n",
    },
    {
        .code = "NC413",
        .name = "model-without-ssbd",
        .severity = NCT_SEVERITY_INFO,
        .first = 18,
        COMPUTE,
        .summary = "a CPU model without the flags against SSB and MDS",
        .when = { { NCT_WHEN_SET, L, "cpu_mode" } },
        .check = check_ssbd,
        .explain = "ssbd and md-clear are in no older Intel model, amd-ssbd and virt-ssbd in none "
                   "of the older EPYC "
                   "ones. A guest without them runs unprotected, or slow.\n\nSource: QEMU "
                   "docs/system/cpu-models-x86.",
        .example_release = 33,
        .bad = "[libvirt]\ncpu_mode = custom\ncpu_models = Haswell-noTSX-IBRS\n",
        .good = "[libvirt]\ncpu_mode = custom\ncpu_models = Haswell-noTSX-IBRS\n"
                "cpu_model_extra_flags = ssbd, md-clear\n",
    },
    {
        .code = "NC414",
        .name = "model-order",
        .severity = NCT_SEVERITY_INFO,
        .first = 20,
        COMPUTE,
        .summary = "only the first of several CPU models is used for ordinary guests",
        .when = { { NCT_WHEN_NOT_EMPTY, L, "cpu_models" } },
        .check = check_order,
        .explain =
            "Without CPU traits in the flavor Nova takes the first entry. With traits, it takes "
            "the first "
            "model whose features match. Nova's manual begins its example with Penryn, so that "
            "every "
            "ordinary guest becomes a Penryn.\n\nPut first what ordinary guests should have.",
        .example_release = 33,
        .bad = "[libvirt]\ncpu_mode = custom\ncpu_models = Cascadelake-Server-noTSX, "
               "Icelake-Server-noTSX\n",
        .good = "[libvirt]\ncpu_mode = custom\ncpu_models = Cascadelake-Server-noTSX\n",
    },
    {
        .code = "NC415",
        .name = "cpu-model-spelling",
        .severity = NCT_SEVERITY_WARNING,
        COMPUTE,
        .summary = "a CPU model that looks misspelt",
        .when = { { NCT_WHEN_SET, L, "cpu_mode" } },
        .check = check_spelling,
        .explain =
            "From 20 on nova-compute does not start with a model that libvirt does not list; "
            "before, no guest "
            "can be built. Letter case does not matter. 'virsh cpu-models x86_64' lists them.",
        .example_release = 33,
        .bad = "[libvirt]\ncpu_mode = custom\ncpu_models = Icelake-Sever\n",
        .good = "[libvirt]\ncpu_mode = custom\ncpu_models = Icelake-Server\n",
    },
    {
        .code = "NC416",
        .name = "host-passthrough",
        .severity = NCT_SEVERITY_INFO,
        COMPUTE,
        .summary = "host-passthrough: guests can move only between hosts with the same CPU, "
                   "microcode and kernel",
        .when = { { NCT_WHEN_IS, L, "cpu_mode", "host-passthrough" } },
        .explain = "The guest sees the host's own processor. After a live migration to another one "
                   "it may meet "
                   "instructions that are not there, and Nova's check does not see every "
                   "difference. With identical "
                   "hosts that are updated together it is the fastest choice, except that some "
                   "guests (Windows "
                   "among them) then switch on slower protections.\n\nOn AArch64 it is Nova's "
                   "default." RESTART,
        .example_release = 33,
        .bad = "[libvirt]\ncpu_mode = host-passthrough\n",
        .good = "[libvirt]\ncpu_mode = custom\ncpu_models = Cascadelake-Server-noTSX\n",
    },
    {
        .code = "NC417",
        .name = "host-model",
        .severity = NCT_SEVERITY_INFO,
        COMPUTE,
        .summary = "host-model: guests take their processor from the host they start on, and can "
                   "often not move to "
                   "an older one",
        .when = { { NCT_WHEN_IS, L, "cpu_mode", "host-model" } },
        .explain = "libvirt writes the host's features into the guest when it starts. After an "
                   "update of microcode, "
                   "kernel, QEMU or libvirt, new guests have other features than those started "
                   "before. Hosts that "
                   "are alike in all of these move guests freely; a mixed fleet wants a named "
                   "model." RESTART,
        .example_release = 33,
        .bad = "[libvirt]\ncpu_mode = host-model\n",
        .good = "[libvirt]\ncpu_mode = custom\ncpu_models = Cascadelake-Server-noTSX\n",
    },
    {
        .code = "NC418",
        .name = "cpu-mode-none",
        .severity = NCT_SEVERITY_WARNING,
        COMPUTE,
        .summary = "cpu_mode = none on kvm: guests get QEMU's default processor (qemu64), slow and "
                   "unprotected",
        .advice = "cpu_mode = custom with a named model, or host-model",
        .when = { { NCT_WHEN_IS, L, "cpu_mode", "none" }, { NCT_WHEN_IS, L, "virt_type", "kvm" } },
        .explain = "See legacy-cpu-model (NC410).",
        .example_release = 33,
        .bad = "[libvirt]\nvirt_type = kvm\ncpu_mode = none\n",
        .good = "[libvirt]\nvirt_type = kvm\ncpu_mode = host-model\n",
    },
    {
        .code = "NC419",
        .name = "contradicting-flags",
        .severity = NCT_SEVERITY_WARNING,
        .first = 23,
        COMPUTE,
        .summary = "a CPU flag both required and forbidden",
        .when = { { NCT_WHEN_NOT_EMPTY, L, "cpu_model_extra_flags" } },
        .check = check_contradiction,
        .explain = "The flags are a set; x and -x are two entries of it, and both go to libvirt.",
        .example_release = 33,
        .bad = "[libvirt]\ncpu_mode = host-model\ncpu_model_extra_flags = pcid, -pcid\n",
        .good = "[libvirt]\ncpu_mode = host-model\ncpu_model_extra_flags = pcid\n",
    },
    {
        .code = "NC420",
        .name = "cpu-unchecked-on-destination",
        .severity = NCT_SEVERITY_WARNING,
        .first = 25,
        COMPUTE,
        .summary = "the destination does not compare CPUs before a live migration",
        .advice = "take it out once hosts are alike, or Nova is 27 or later (which compares with "
                  "the hypervisor's "
                  "CPU)",
        .when = { { NCT_WHEN_TRUE, W, "skip_cpu_compare_on_dest" } },
        .explain = "Nova's comparison refuses some good pairs of hosts (LP#2039803), so many "
                   "switch it off. Then only "
                   "libvirt checks, after volumes and ports are prepared on the destination: the "
                   "same refusal, later "
                   "and dearer. nova-migration-agent compares the running guest's own CPU with "
                   "what the destination's "
                   "hypervisor can run, before anything is prepared.",
        .example_release = 33,
        .bad = "[workarounds]\nskip_cpu_compare_on_dest = true\n",
        .good = "[workarounds]\nskip_cpu_compare_on_dest = false\n",
    },
    {
        .code = "NC421",
        .name = "cpu-unchecked-at-start",
        .severity = NCT_SEVERITY_INFO,
        .first = 26,
        COMPUTE,
        .summary =
            "nova-compute does not check at start whether the host can run the configured models",
        .when = { { NCT_WHEN_TRUE, W, "skip_cpu_compare_at_startup" } },
        .explain =
            "A model or flag that the host cannot run shows when a guest is built.\n\nSource: "
            "nova/virt/libvirt/driver.py, _check_cpu_compatibility, 26.2.1 on.",
        .example_release = 33,
        .bad = "[workarounds]\nskip_cpu_compare_at_startup = true\n",
        .good = "[workarounds]\nskip_cpu_compare_at_startup = false\n",
    },
};

const NctRuleTable nct_rules_cpu = { rules, G_N_ELEMENTS(rules) };
