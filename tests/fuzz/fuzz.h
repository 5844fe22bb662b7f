/* What a fuzz target is: libFuzzer's entry, which the replay program calls as well. */
#pragma once

#include <stddef.h>
#include <stdint.h>

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

/* optional, once before the first input; the replay program does not call it */
int LLVMFuzzerInitialize(int *argc, char ***argv);
