/* NC9xx: about this program's own comments. */
#include "nova-conf-tool/suppress.h"

static const NctRule rules[] = {
    {
        .code = NCT_CODE_UNUSED_SUPPRESSION,
        .name = "unused-suppression",
        .severity = NCT_SEVERITY_INFO,
        .summary = "a comment that silences a finding which is not there",
        .explain =
            "'# nova-conf-tool: ignore=CODE reason' speaks of the option below it, and "
            "'ignore-file=CODE' of the whole file. When the mistake is gone, the comment should "
            "go too, or it will hide the next one.",
        .example_release = 33,
        .bad = "[libvirt]\n# nova-conf-tool: ignore=NC201 old\ncpu_mode = none\n",
        .good = "[libvirt]\ncpu_mode = none\n",
    },
    {
        .code = NCT_CODE_UNKNOWN_SUPPRESSION,
        .name = "unknown-suppression",
        .severity = NCT_SEVERITY_WARNING,
        .summary = "a comment that silences a rule which does not exist",
        .explain =
            "The code is misspelt, or codes are not separated by commas alone. 'nova-conf-tool "
            "rules' lists them all.",
        .example_release = 33,
        .bad = "[libvirt]\n# nova-conf-tool: ignore=XY101 typo\ncpu_mode = none\n",
        .good = "[libvirt]\n# nova-conf-tool: ignore=NC201 tested by hand\ncpu_mode = nothing\n",
    },
};

const NctRuleTable nct_rules_tool = { rules, G_N_ELEMENTS(rules) };
