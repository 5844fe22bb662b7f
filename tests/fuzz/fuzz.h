/* What a fuzz target is: libFuzzer's entry, which the replay program calls as well. */
#pragma once

#include <stddef.h>
#include <stdint.h>

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);
