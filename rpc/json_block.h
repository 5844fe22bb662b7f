/* 64 bytes of JSON at once, each question answered by a mask: bit i is about byte i of the block.
 * Internal to rpc/. The way of Langdale and Lemire, "Parsing Gigabytes of JSON per Second" (VLDB
 * Journal 28, 2019), as far as 64-bit arithmetic and SSE2 go. */
#pragma once

#include <glib.h>
#ifdef __SSE2__
#include <emmintrin.h>
#endif

#define OM_BLOCK_BYTES 64
#define OM_WORD_BYTES  16

#ifdef __SSE2__
static inline guint64
om_block_equal(const char *block, char wanted)
{
    guint64 mask = 0;

#pragma GCC unroll 4
    for (guint i = 0; i < OM_BLOCK_BYTES; i += OM_WORD_BYTES) {
        __m128i bytes = _mm_loadu_si128((const __m128i_u *)(block + i));
        __m128i equal = _mm_cmpeq_epi8(bytes, _mm_set1_epi8(wanted));

        mask |= (guint64)(guint)_mm_movemask_epi8(equal) << i;
    }
    return mask;
}

/* Those that are one of {}[]. */
static inline guint64
om_block_brackets(const char *block)
{
    guint64 mask = 0;

#pragma GCC unroll 4
    for (guint i = 0; i < OM_BLOCK_BYTES; i += OM_WORD_BYTES) {
        __m128i bytes = _mm_loadu_si128((const __m128i_u *)(block + i));
        /* this bit makes { and } of [ and ], and of nothing else */
        __m128i braces = _mm_or_si128(bytes, _mm_set1_epi8(0x20));
        __m128i brackets = _mm_or_si128(_mm_cmpeq_epi8(braces, _mm_set1_epi8('{')),
                                        _mm_cmpeq_epi8(braces, _mm_set1_epi8('}')));

        mask |= (guint64)(guint)_mm_movemask_epi8(brackets) << i;
    }
    return mask;
}

/* Those that stand for themselves inside a string. */
static inline guint64
om_block_plain(const char *block)
{
    const __m128i quote = _mm_set1_epi8('"'), backslash = _mm_set1_epi8('\\');
    const __m128i last_control = _mm_set1_epi8(0x1f);
    guint64 mask = 0;

#pragma GCC unroll 4
    for (guint i = 0; i < OM_BLOCK_BYTES; i += OM_WORD_BYTES) {
        __m128i bytes = _mm_loadu_si128((const __m128i_u *)(block + i));
        __m128i marked =
            _mm_or_si128(_mm_cmpeq_epi8(bytes, quote), _mm_cmpeq_epi8(bytes, backslash));
        /* signed: what is not ASCII is negative */
        __m128i plain = _mm_andnot_si128(marked, _mm_cmpgt_epi8(bytes, last_control));

        mask |= (guint64)(guint)_mm_movemask_epi8(plain) << i;
    }
    return mask;
}
#else
static inline guint64
om_block_equal(const char *block, char wanted)
{
    guint64 mask = 0;

    for (guint i = 0; i < OM_BLOCK_BYTES; i++)
        mask |= (guint64)(block[i] == wanted) << i;
    return mask;
}

static inline guint64
om_block_brackets(const char *block)
{
    guint64 mask = 0;

    for (guint i = 0; i < OM_BLOCK_BYTES; i++) {
        char brace = (char)(block[i] | 0x20);

        mask |= (guint64)(brace == '{' || brace == '}') << i;
    }
    return mask;
}

static inline guint64
om_block_plain(const char *block)
{
    guint64 mask = 0;

    for (guint i = 0; i < OM_BLOCK_BYTES; i++) {
        guchar c = (guchar)block[i];

        mask |= (guint64)(c >= 0x20 && c < 0x80 && c != '"' && c != '\\') << i;
    }
    return mask;
}
#endif

/* Which bytes follow a backslash that is not itself escaped. *carry: the next block's first. */
static inline guint64
om_block_escaped(guint64 backslashes, gboolean *carry)
{
    guint64 escaped = *carry ? 1 : 0;

    *carry = FALSE;
    backslashes &= ~escaped;
    while (backslashes) {
        guint64 first = backslashes & -backslashes;

        escaped |= first << 1;
        *carry = first >> (OM_BLOCK_BYTES - 1) != 0;
        backslashes &= ~(first | first << 1);
    }
    return escaped;
}

/* Which bytes have an odd number of quotes before them, their own counted. *carry: the next block's
 * first begins inside a string. */
static inline guint64
om_block_inside(guint64 quotes, gboolean *carry)
{
    guint64 inside = quotes;

    for (guint shift = 1; shift < OM_BLOCK_BYTES; shift *= 2)
        inside ^= inside << shift;
    if (*carry)
        inside = ~inside;
    *carry = inside >> (OM_BLOCK_BYTES - 1) != 0;
    return inside;
}
