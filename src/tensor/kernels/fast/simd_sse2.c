/* The loops in simd/ for SSE2; the flags stand in src/tensor/CMakeLists.txt. */
#define DSM_SIMD_TABLE    dsm__simd_sse2
#define DSM_SIMD_WINOGRAD dsm__winograd_sse2
#define DSM_SIMD_PRODUCTS dsm__products_sse2
#include "simd/simd_table.h"
