#include "agent/hypervisor/cpu_models.h"

#include <libxml/parser.h>
#include <libxml/xpath.h>
#include <string.h>

G_DEFINE_AUTOPTR_CLEANUP_FUNC(xmlDoc, xmlFreeDoc)
G_DEFINE_AUTOPTR_CLEANUP_FUNC(xmlXPathObject, xmlXPathFreeObject)

static xmlDoc *
parse(const char *xml)
{
    return xmlReadMemory(xml, (int)MIN(strlen(xml), G_MAXINT32), NULL, NULL,
                         XML_PARSE_NONET | XML_PARSE_NOERROR | XML_PARSE_NOWARNING);
}

/* owned; NULL when the document is none */
static xmlXPathObject *
find(xmlDoc *document, const char *path)
{
    xmlXPathContext *context = document != NULL ? xmlXPathNewContext(document) : NULL;
    xmlXPathObject *found =
        context != NULL ? xmlXPathEvalExpression((const xmlChar *)path, context) : NULL;

    if (context != NULL)
        xmlXPathFreeContext(context);
    return found;
}

static gboolean
is_listed(const xmlNodeSet *models, const char *model)
{
    for (int i = 0; i < models->nodeNr; i++) {
        xmlChar *name = xmlNodeGetContent(models->nodeTab[i]);
        gboolean same = g_strcmp0((const char *)name, model) == 0;

        xmlFree(name);
        if (same)
            return TRUE;
    }
    return FALSE;
}

char *
nma_unknown_cpu_model(const char *cpu_xml, const char *domain_capabilities_xml)
{
    g_autoptr(xmlDoc) cpu = parse(cpu_xml), capabilities = parse(domain_capabilities_xml);
    g_autoptr(xmlXPathObject) wanted = find(cpu, "string(/cpu/model[@fallback='forbid'])");
    g_autoptr(xmlXPathObject) models =
        find(capabilities, "/domainCapabilities/cpu/mode[@name='custom']/model");
    const char *model = wanted != NULL ? (const char *)wanted->stringval : NULL;

    /* an emulator of which libvirt lists none is not one that can be asked */
    if (model == NULL || model[0] == '\0' || models == NULL || models->nodesetval == NULL ||
        models->nodesetval->nodeNr == 0)
        return NULL;
    return is_listed(models->nodesetval, model) ? NULL : g_strdup(model);
}
