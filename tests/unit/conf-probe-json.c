#include "tests/unit/conf-probe-json.h"

json_t *
conf_json_of_value(const NctValue *value)
{
    json_t *json = NULL;

    switch (value->kind) {
    case NCT_VALUE_NONE:
        return json_null();
    case NCT_VALUE_BOOLEAN:
        return json_boolean(value->boolean);
    case NCT_VALUE_INTEGER:
        return value->fits ? json_integer(value->integer)
                           : json_real(g_ascii_strtod(value->text, NULL));
    case NCT_VALUE_FLOAT: {
        g_autoptr(GString) text = g_string_new(NULL);

        nct_value_append_str(value, text);
        json = json_real(value->real);
        return json ? json : json_string(text->str);
    }
    case NCT_VALUE_STRING:
        return json_stringn(value->text, value->length);
    case NCT_VALUE_LIST:
        json = json_array();
        for (guint i = 0; i < value->items->len; i++)
            json_array_append_new(json, conf_json_of_value(g_ptr_array_index(value->items, i)));
        return json;
    case NCT_VALUE_DICT:
        json = json_object();
        for (guint i = 0; i < value->items->len; i++)
            json_object_set_new(json, g_ptr_array_index(value->keys, i),
                                conf_json_of_value(g_ptr_array_index(value->items, i)));
        return json;
    }
    return json;
}

static json_t *
pairs_find(json_t *pairs, const char *name)
{
    size_t i;
    json_t *pair;

    json_array_foreach(pairs, i, pair)
    {
        if (g_str_equal(json_string_value(json_array_get(pair, 0)), name))
            return json_array_get(pair, 1);
    }
    pair = json_pack("[s, []]", name);
    json_array_append_new(pairs, pair);
    return json_array_get(pair, 1);
}

json_t *
conf_json_of_sections(const char *path)
{
    g_autoptr(GError) error = NULL;
    g_autoptr(NctDocument) document = nct_document_read(path, &error);
    const NctSection *sections;
    const NctEntry *entries;
    guint n;
    json_t *json;

    if (!document) {
        g_assert_error(error, NCT_DOCUMENT_ERROR, NCT_DOCUMENT_ERROR_DECODE);
        return json_string("undecodable");
    }
    nct_document_issues(document, &n);
    if (n > 0)
        return json_string("parse error");
    json = json_array();
    sections = nct_document_sections(document, &n);
    for (guint i = 0; i < n; i++)
        pairs_find(json, sections[i].section);
    entries = nct_document_entries(document, &n);
    for (guint i = 0; i < n; i++) {
        json_t *values = pairs_find(pairs_find(json, entries[i].section), entries[i].key);

        json_array_append_new(values, json_stringn(entries[i].value, entries[i].value_length));
    }
    return json;
}

const char *
conf_word_of_result(NctResultKind kind)
{
    static const char *const words[] = {
        [NCT_RESULT_OK] = "ok",
        [NCT_RESULT_ILLEGAL] = "value",
        [NCT_RESULT_NO_SUCH_OPTION] = "NoSuchOptError",
        [NCT_RESULT_NO_SUCH_GROUP] = "NoSuchGroupError",
        [NCT_RESULT_NAMES_A_GROUP] = "substitution",
        [NCT_RESULT_ENDLESS] = "RecursionError",
        [NCT_RESULT_COMPUTED] = "computed",
    };

    return words[kind];
}
