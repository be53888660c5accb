/* The loops in simd/ for NEON; the flags stand in src/tensor/CMakeLists.txt. */
#define DSM_SIMD_TABLE    dsm__simd_neon
#define DSM_SIMD_WINOGRAD dsm__winograd_neon
#define DSM_SIMD_PRODUCTS dsm__products_neon
#include "simd/simd_table.h"
