#include "nova-conf-tool/opt_data.h"

#include <jansson.h>
#include <string.h>
#include <yaml.h>

#include "nova-conf-tool/document.h"
#include "nova-conf-tool/file.h"

#define MAX_BYTES   (16u << 20)
#define MAX_OPTIONS 100000u
#define MAX_GROUPS  10000u
#define MAX_DEPTH   64u

G_DEFINE_QUARK(nct_opt_data_error_quark, nct_opt_data_error)

/*
 * oslo-config-generator prints the same tree as JSON or as YAML. JSON is read as JSON, since YAML
 * has no pairs of "\ud83d\ude00"; all else is YAML 1.1, which oslo-config-validator reads.
 */
typedef struct {
    json_t *json; /* NULL = YAML */
    yaml_document_t yaml;
} Tree;

/* a node of either tree; both NULL = nothing is there */
typedef struct {
    json_t *json;
    yaml_node_t *yaml;
} Node;

static const char *
text_of(Node node)
{
    if (node.json)
        return json_string_value(node.json);
    /* a plain ~ or null is nothing, as in "default: null" */
    if (!node.yaml || node.yaml->type != YAML_SCALAR_NODE ||
        memchr(node.yaml->data.scalar.value, '\0', node.yaml->data.scalar.length))
        return NULL;
    if (node.yaml->data.scalar.style == YAML_PLAIN_SCALAR_STYLE &&
        (g_str_equal(node.yaml->data.scalar.value, "null") ||
         g_str_equal(node.yaml->data.scalar.value, "~") || node.yaml->data.scalar.length == 0))
        return NULL;
    return (const char *)node.yaml->data.scalar.value;
}

static Node
member(Tree *tree, Node node, const char *key)
{
    Node none = { NULL, NULL };

    if (node.json)
        return (Node){ json_object_get(node.json, key), NULL };
    if (!node.yaml || node.yaml->type != YAML_MAPPING_NODE)
        return none;
    for (yaml_node_pair_t *pair = node.yaml->data.mapping.pairs.start;
         pair < node.yaml->data.mapping.pairs.top; pair++) {
        Node name = { NULL, yaml_document_get_node(&tree->yaml, pair->key) };

        if (g_strcmp0(text_of(name), key) == 0)
            return (Node){ NULL, yaml_document_get_node(&tree->yaml, pair->value) };
    }
    return none;
}

static guint
length_of(Node node)
{
    if (node.json)
        return (guint)json_array_size(node.json);
    if (!node.yaml || node.yaml->type != YAML_SEQUENCE_NODE)
        return 0;
    return (guint)(node.yaml->data.sequence.items.top - node.yaml->data.sequence.items.start);
}

static Node
item(Tree *tree, Node node, guint i)
{
    if (node.json)
        return (Node){ json_array_get(node.json, i), NULL };
    return (Node){ NULL,
                   yaml_document_get_node(&tree->yaml, node.yaml->data.sequence.items.start[i]) };
}

/* ---- what is taken from it ---- */

typedef struct {
    Tree *tree;
    NctOptData *data;
} Reader;

static gboolean
is_full(const Reader *reader)
{
    return reader->data->options->len >= MAX_OPTIONS || reader->data->groups->len >= MAX_GROUPS;
}

static void
add_name(Reader *reader, const char *group, const char *name)
{
    if (!is_full(reader) && g_utf8_validate(name, -1, NULL))
        g_ptr_array_add(reader->data->options,
                        g_strdelimit(g_strdup_printf("%s/%s", group, name), "-", '_'));
}

/* both its names: oslo-config-validator takes either */
static void
add_option(Reader *reader, const char *group, Node option)
{
    Node old = member(reader->tree, option, "deprecated_opts");
    const char *dest = text_of(member(reader->tree, option, "dest"));
    const char *name = text_of(member(reader->tree, option, "name"));

    if (dest)
        add_name(reader, group, dest);
    if (name)
        add_name(reader, group, name);
    for (guint i = 0; i < length_of(old) && !is_full(reader); i++) {
        Node one = item(reader->tree, old, i);
        const char *old_group = text_of(member(reader->tree, one, "group"));
        const char *old_name = text_of(member(reader->tree, one, "name"));

        if (old_name || name)
            add_name(reader, old_group ? old_group : group, old_name ? old_name : name);
    }
}

static void
add_options(Reader *reader, const char *group, Node options)
{
    for (guint i = 0; i < length_of(options) && !is_full(reader); i++)
        add_option(reader, group, item(reader->tree, options, i));
}

static void
add_group(Reader *reader, const char *name, Node value, gboolean deprecated)
{
    g_autofree char *group = NULL;

    if (is_full(reader) || !g_utf8_validate(name, -1, NULL))
        return;
    group = nct_group_normalize(name, strlen(name));
    g_ptr_array_add(reader->data->groups, g_strdup(group));
    add_options(reader, group, deprecated ? value : member(reader->tree, value, "opts"));
}

/* {GROUP: {opts: […]}} or, of old names, {GROUP: […]}; returns whether there were groups */
static gboolean
add_groups(Reader *reader, Node groups, gboolean deprecated)
{
    gboolean found = FALSE;
    const char *name;
    json_t *value;

    json_object_foreach(groups.json, name, value)
    {
        found = TRUE;
        add_group(reader, name, (Node){ value, NULL }, deprecated);
    }
    if (!groups.yaml || groups.yaml->type != YAML_MAPPING_NODE)
        return found;
    for (yaml_node_pair_t *pair = groups.yaml->data.mapping.pairs.start;
         pair < groups.yaml->data.mapping.pairs.top; pair++) {
        const char *key =
            text_of((Node){ NULL, yaml_document_get_node(&reader->tree->yaml, pair->key) });

        if (!key)
            continue;
        found = TRUE;
        add_group(reader, key,
                  (Node){ NULL, yaml_document_get_node(&reader->tree->yaml, pair->value) },
                  deprecated);
    }
    return found;
}

static gboolean
take(Reader *reader, Node root)
{
    gboolean found = add_groups(reader, member(reader->tree, root, "options"), FALSE);

    add_groups(reader, member(reader->tree, root, "deprecated_options"), TRUE);
    return found;
}

/*
 * libyaml takes time that grows with the square of the depth. Its events come as it goes, so a file
 * that is too deep is seen before that hurts. FALSE also for what is no YAML.
 */
static gboolean
is_shallow(const char *text)
{
    yaml_parser_t parser;
    gboolean more = TRUE;
    gboolean ok = TRUE;
    guint depth = 0;

    if (!yaml_parser_initialize(&parser))
        return FALSE;
    yaml_parser_set_input_string(&parser, (const unsigned char *)text, strlen(text));
    while (ok && more) {
        yaml_event_t event;

        ok = yaml_parser_parse(&parser, &event);
        if (!ok)
            break;
        depth += event.type == YAML_SEQUENCE_START_EVENT || event.type == YAML_MAPPING_START_EVENT;
        depth -= event.type == YAML_SEQUENCE_END_EVENT || event.type == YAML_MAPPING_END_EVENT;
        more = event.type != YAML_STREAM_END_EVENT;
        ok = depth <= MAX_DEPTH;
        yaml_event_delete(&event);
    }
    yaml_parser_delete(&parser);
    return ok;
}

static gboolean
take_yaml(Reader *reader, const char *text)
{
    yaml_parser_t parser;
    gboolean found = FALSE;

    if (!is_shallow(text) || !yaml_parser_initialize(&parser))
        return FALSE;
    yaml_parser_set_input_string(&parser, (const unsigned char *)text, strlen(text));
    if (yaml_parser_load(&parser, &reader->tree->yaml)) {
        yaml_node_t *root = yaml_document_get_root_node(&reader->tree->yaml);

        found = root && take(reader, (Node){ NULL, root });
        yaml_document_delete(&reader->tree->yaml);
    }
    yaml_parser_delete(&parser);
    return found;
}

gboolean
nct_opt_data_read(const char *path, NctOptData *data, GError **error)
{
    g_autoptr(GError) unreadable = NULL;
    g_autofree char *text = nct_file_read_text(path, MAX_BYTES, FALSE, &unreadable);
    Tree tree = { 0 };
    Reader reader = { &tree, data };
    gboolean found;

    if (!text) {
        g_set_error(error, NCT_OPT_DATA_ERROR, NCT_OPT_DATA_ERROR_READ, "cannot read %s",
                    unreadable->message);
        return FALSE;
    }
    tree.json = json_loads(text, 0, NULL);
    found = tree.json ? take(&reader, (Node){ tree.json, NULL }) : take_yaml(&reader, text);
    json_decref(tree.json);
    if (!found)
        g_set_error(error, NCT_OPT_DATA_ERROR, NCT_OPT_DATA_ERROR_FORMAT,
                    "%s is not what 'oslo-config-generator --format yaml' (or json) prints", path);
    return found;
}
