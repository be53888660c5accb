/* The loops in simd/ for AVX2; the flags stand in src/tensor/CMakeLists.txt. */
#define DSM_SIMD_TABLE    dsm__simd_avx2
#define DSM_SIMD_WINOGRAD dsm__winograd_avx2
#define DSM_SIMD_PRODUCTS dsm__products_avx2
#include "simd/simd_table.h"
