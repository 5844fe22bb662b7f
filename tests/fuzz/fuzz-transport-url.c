/* transport_url: whatever is accepted has a host, can be masked, and the mask shows no password. */
#include <string.h>

#include "rpc/rabbit_options.h"
#include "tests/fuzz/fuzz.h"

int
LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    g_autofree char *text = g_strndup((const char *)data, size);
    g_autoptr(GError) error = NULL;
    g_autoptr(OmTransportUrl) url = om_transport_url_parse(text, &error);
    g_auto(OmRabbitOptions) given;
    g_auto(OmRabbitOptions) options;
    g_autofree char *mask = NULL;

    g_assert_true((url == NULL) == (error != NULL));
    om_rabbit_options_init(&given);
    om_rabbit_options_copy(&options, &given, url);
    if (url == NULL)
        return 0;
    mask = om_transport_url_mask(url);
    g_assert_cmpuint(url->n_hosts, >=, 1);
    g_assert_cmpuint(url->n_hosts, <=, OM_TRANSPORT_URL_MAX_HOSTS);
    g_assert_true(g_utf8_validate(mask, -1, NULL));
    for (guint i = 0; i < url->n_hosts; i++) {
        g_autofree char *credentials =
            g_strdup_printf(":%s@%s:", url->hosts[i].password, url->hosts[i].host);

        g_assert_cmpuint(url->hosts[i].port, >, 0);
        g_assert_true(g_str_equal(url->hosts[i].password, "***") ||
                      strstr(mask, credentials) == NULL);
    }
    return 0;
}
