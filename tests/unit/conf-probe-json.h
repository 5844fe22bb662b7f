/* What the reader makes of a file, as JSON: the form in which the real oslo.config's answers are
 * compared. */
#pragma once

#include <jansson.h>

#include "nova-conf-tool/effective.h"

/* NaN and infinity as strings */
json_t *conf_json_of_value(const NctValue *value);

/*
 * [[section, [[key, [values]]]]] in order of first appearance, as the parser alone sees a file;
 * "parse error" or "undecodable" when there is none.
 */
json_t *conf_json_of_sections(const char *path);

/* the word that the recordings have for a result that is no value */
const char *conf_word_of_result(NctResultKind kind);
