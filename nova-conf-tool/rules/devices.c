/* NC53x: PCI and mediated devices. */
#include <jansson.h>

#include "nova-conf-tool/audit.h"
#include "nova-conf-tool/classify.h"

static gboolean
is_json_collection(const NctEntry *entry)
{
    json_error_t error;
    json_t *json =
        json_loadb(entry->value, entry->value_length, JSON_DECODE_ANY | JSON_ALLOW_NUL, &error);
    gboolean ok = json_is_object(json) || json_is_array(json);

    json_decref(json);
    return ok;
}

static void
check_pci_json(NctAudit *audit, const NctRule *rule, const char *const *names, const char *example)
{
    for (guint i = 0; i < audit->lines->len; i++) {
        const NctLineClass *line = &g_array_index(audit->lines, NctLineClass, i);

        if ((line->what.kind != NCT_CLASS_OPTION && line->what.kind != NCT_CLASS_OLD_NAME) ||
            !g_str_equal(line->what.option->group, "pci") ||
            !g_strv_contains(names, line->what.option->name) || is_json_collection(line->entry))
            continue;
        nct_audit_report(
            audit, rule, line->entry, example,
            "[%s] %s must be a JSON object, or a list of them; nova-compute does not start",
            line->entry->group, line->entry->key);
    }
}

static void
check_pci(NctAudit *audit, const NctRule *rule)
{
    static const char *const names[] = { "device_spec", "passthrough_whitelist", NULL };

    check_pci_json(
        audit, rule, names,
        "{\"vendor_id\": \"8086\", \"product_id\": \"154d\", \"physical_network\": \"physnet2\"} "
        "for instance");
}

static void
check_pci_alias(NctAudit *audit, const NctRule *rule)
{
    static const char *const names[] = { "alias", NULL };

    check_pci_json(
        audit, rule, names,
        "{\"name\": \"a1\", \"vendor_id\": \"8086\", \"product_id\": \"154d\"} for instance");
}

static void
check_mdev_addresses(NctAudit *audit, const NctRule *rule)
{
    g_autoptr(GHashTable) seen = g_hash_table_new_full(g_str_hash, g_str_equal, g_free, NULL);

    for (guint i = 0; i < audit->lines->len; i++) {
        const NctLineClass *line = &g_array_index(audit->lines, NctLineClass, i);
        g_auto(GStrv) addresses = NULL;

        if (line->what.kind != NCT_CLASS_PATTERN || line->entry->next ||
            !g_str_equal(line->what.option->name, "device_addresses"))
            continue;
        addresses = g_strsplit(line->entry->value, ",", 1000);
        for (char **address = addresses; *address; address++) {
            char *plain = g_strdup(g_strstrip(*address));

            if (*plain && !g_hash_table_add(seen, plain))
                nct_audit_report(
                    audit, rule, line->entry, "give each address to one type",
                    "[%s] device_addresses: %s stands for another type, too; nova-compute "
                    "does not start",
                    line->entry->group, *address);
            else if (!*plain)
                g_free(plain);
        }
    }
}

static const NctRule rules[] = {
    {
        .code = "NC530",
        .name = "pci-not-json",
        .severity = NCT_SEVERITY_ERROR,
        .first = 14,
        .flags = NCT_RULE_COMPUTE,
        .summary = "a PCI device specification that is not JSON",
        .check = check_pci,
        .explain = "Source: nova/pci/devspec.py, read by nova/compute/manager.py in init_host, "
                   "14.0.0 to 33.0.2.",
        .example_release = 33,
        .bad = "[pci]\ndevice_spec = { vendor_id: 8086 }\n",
        .good = "[pci]\ndevice_spec = { \"vendor_id\": \"8086\", \"product_id\": \"154d\" }\n",
    },
    {
        .code = "NC531",
        .name = "pci-alias-not-json",
        .severity = NCT_SEVERITY_ERROR,
        .first = 31,
        .flags = NCT_RULE_COMPUTE,
        .summary = "a PCI alias that is not JSON",
        .check = check_pci_alias,
        .explain = "Source: nova/pci/request.py, read by nova/compute/manager.py in init_host, "
                   "31.3.1 and later.",
        .example_release = 33,
        .bad = "[pci]\nalias = { name: a1 }\n",
        .good = "[pci]\nalias = { \"name\": \"a1\", \"vendor_id\": \"8086\", \"product_id\": "
                "\"154d\" }\n",
    },
    {
        .code = "NC532",
        .name = "mdev-address-twice",
        .severity = NCT_SEVERITY_ERROR,
        .first = 21,
        .flags = NCT_RULE_COMPUTE,
        .summary = "a device address for two mediated device types",
        .check = check_mdev_addresses,
        .explain = "Each address may stand once in all device_addresses of the vgpu_ and mdev_ "
                   "groups together.\n\n"
                   "Source: nova/virt/libvirt/driver.py.",
        .example_release = 33,
        .bad =
            "[devices]\nenabled_mdev_types = nvidia-35, nvidia-36\n[mdev_nvidia-35]\n"
            "device_addresses = 0000:84:00.0\n[mdev_nvidia-36]\ndevice_addresses = 0000:84:00.0\n",
        .good =
            "[devices]\nenabled_mdev_types = nvidia-35, nvidia-36\n[mdev_nvidia-35]\n"
            "device_addresses = 0000:84:00.0\n[mdev_nvidia-36]\ndevice_addresses = 0000:85:00.0\n",
    },
};

const NctRuleTable nct_rules_devices = { rules, G_N_ELEMENTS(rules) };
