#include "agent/hypervisor/libvirt_error.h"

#include <libvirt/virterror.h>

#include "agent/hypervisor/hypervisor.h"

/* QEMU's own words may stand in libvirt's text: a guest or a peer can have a say in them. As much
 * as libvirt itself keeps of one (VIR_ERROR_MAX_LENGTH of src/util/virerror.h): the features that
 * an old CPU lacks of a new one take more than half of it. */
#define TEXT_MAX_BYTES 1024

char *
nma_libvirt_error_text(int *code)
{
    virErrorPtr last = virGetLastError();
    const char *message = last && last->message ? last->message : "libvirt gave no reason";
    g_autofree char *cut = g_strndup(message, TEXT_MAX_BYTES);
    g_autofree char *valid = g_utf8_make_valid(cut, -1);
    gsize length = strlen(valid);

    /* a sign cut in two was replaced by a longer one */
    if (length > TEXT_MAX_BYTES) {
        char *end = g_utf8_find_prev_char(valid, valid + TEXT_MAX_BYTES + 1);

        *end = '\0';
    }
    for (char *sign = valid; *sign; sign = g_utf8_next_char(sign))
        if ((guchar)*sign < 0x20 || *sign == 0x7f)
            *sign = ' ';
    if (code)
        *code = last ? last->code : VIR_ERR_OK;
    return g_strchomp(g_steal_pointer(&valid));
}

void
nma_libvirt_error_set(GError **error, const char *what)
{
    g_autofree char *text = nma_libvirt_error_text(NULL);

    g_set_error(error, NMA_HYPERVISOR_ERROR, NMA_HYPERVISOR_ERROR_LIBVIRT, "%s: %s", what, text);
}
