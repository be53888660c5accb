/* The loops in simd/ for AVX-512; the flags stand in src/tensor/CMakeLists.txt. */
#define DSM_SIMD_TABLE    dsm__simd_avx512
#define DSM_SIMD_WINOGRAD dsm__winograd_avx512
#define DSM_SIMD_PRODUCTS dsm__products_avx512
#include "simd/simd_table.h"
