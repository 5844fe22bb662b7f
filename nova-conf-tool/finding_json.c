#include "nova-conf-tool/finding_json.h"

#include <string.h>

#include "nova-conf-tool/mask.h"
#include "nova-conf-tool/rule.h"

/* characters of the line */
#define MAX_TEXT 1000

static void
set_text(json_t *object, const char *key, const char *text)
{
    g_autofree char *valid = text ? g_utf8_make_valid(text, -1) : NULL;

    if (valid)
        json_object_set_new(object, key, json_string(valid));
}

static const char *
edit_word(NctEditKind kind)
{
    static const char *const words[] = { "replace", "comment_out", "delete", "insert_after",
                                         "append" };

    return words[kind];
}

static json_t *
json_of_fix(const GArray *fix)
{
    json_t *list = json_array();

    for (guint i = 0; i < fix->len; i++) {
        const NctEdit *edit = &g_array_index(fix, NctEdit, i);
        json_t *item = json_object();

        set_text(item, "kind", edit_word(edit->kind));
        json_object_set_new(item, "first_line", json_integer(edit->first));
        json_object_set_new(item, "last_line", json_integer(edit->last));
        set_text(item, "group", edit->group);
        json_array_append_new(list, item);
    }
    return list;
}

json_t *
nct_finding_to_json(const NctFinding *finding, guint release)
{
    json_t *item = json_object();

    set_text(item, "rule", finding->rule->code);
    set_text(item, "name", finding->rule->name);
    set_text(item, "severity", nct_severity_to_string(finding->severity));
    set_text(item, "file", finding->path);
    json_object_set_new(item, "line", json_integer(finding->line));
    json_object_set_new(item, "column", json_integer(finding->column));
    set_text(item, "group", finding->group ? finding->group : "");
    set_text(item, "option", finding->option ? finding->option : "");
    set_text(item, "message", finding->message);
    set_text(item, "advice", finding->advice);
    if (finding->document && finding->line > 0) {
        g_autofree char *line = nct_mask_line(finding->document, finding->line, release);
        g_autofree char *start = line ? nct_printable(line, strlen(line), MAX_TEXT) : NULL;

        set_text(item, "text", start);
    }
    if (finding->fix)
        json_object_set_new(item, "fix", json_of_fix(finding->fix));
    return item;
}
