/* idx files from anywhere. */
#include "array_files.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    return fuzz_array_file(data, size, "fuzz.idx", leati_idx_frame);
}
