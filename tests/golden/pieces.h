/* Made by tools/golden/pieces.py with NumPy 2.4.6. */
#ifndef GOLDEN_PIECES_H
#define GOLDEN_PIECES_H

#include <stdint.h>

/* clang-format off */
static const double golden_slice[] = {-2.0, 1.0, 4.0, 2.0, 5.0, -3.0};
static const int64_t golden_slice_shape[] = {2, 2, 3};
static const double golden_slice_ends[] = {6.0, 2.0, -2.0, 5.0, 1.0, 4.0, 0.0, 7.0, 3.0, -1.0, 2.0, -2.0, 5.0, 1.0, -3.0};
static const int64_t golden_slice_ends_shape[] = {2, 3, 5};
static const double golden_flip[] = {4.0, -3.0, 1.0, 5.0, -2.0, 2.0, 6.0, -1.0, 3.0, 7.0, 0.0, 4.0, -3.0, 1.0, 5.0, -2.0, 2.0, 6.0, -1.0, 3.0, 7.0, 0.0, 4.0, -3.0};
static const int64_t golden_flip_shape[] = {2, 4, 6};
static const double golden_pad[] = {9.0, 9.0, 9.0, 9.0, 9.0, 9.0, 9.0, 9.0, 9.0, 9.0, 9.0, -3.0, 4.0, 0.0, 7.0, 3.0, -1.0, 9.0, 9.0, 9.0, 6.0, 2.0, -2.0, 5.0, 1.0, -3.0, 9.0, 9.0, 9.0, 4.0, 0.0, 7.0, 3.0, -1.0, 6.0, 9.0, 9.0, 9.0, 2.0, -2.0, 5.0, 1.0, -3.0, 4.0, 9.0, 9.0, 9.0, 9.0, 9.0, 9.0, 9.0, 9.0, 9.0, 9.0, 9.0, 9.0, 9.0, 9.0, 9.0, 9.0, 9.0, 9.0, 9.0};
static const int64_t golden_pad_shape[] = {2, 7, 9};
static const double golden_reflect[] = {-2.0, 2.0, 6.0, 2.0, -2.0, 5.0, 1.0, -3.0, 1.0, 0.0, 4.0, -3.0, 4.0, 0.0, 7.0, 3.0, -1.0, 3.0, -2.0, 2.0, 6.0, 2.0, -2.0, 5.0, 1.0, -3.0, 1.0, 7.0, 0.0, 4.0, 0.0, 7.0, 3.0, -1.0, 6.0, -1.0, 5.0, -2.0, 2.0, -2.0, 5.0, 1.0, -3.0, 4.0, -3.0, 7.0, 0.0, 4.0, 0.0, 7.0, 3.0, -1.0, 6.0, -1.0, -2.0, 2.0, 6.0, 2.0, -2.0, 5.0, 1.0, -3.0, 1.0};
static const int64_t golden_reflect_shape[] = {2, 7, 9};
static const double golden_edge[] = {-3.0, -3.0, -3.0, 4.0, 0.0, 7.0, 3.0, -1.0, -1.0, -3.0, -3.0, -3.0, 4.0, 0.0, 7.0, 3.0, -1.0, -1.0, 6.0, 6.0, 6.0, 2.0, -2.0, 5.0, 1.0, -3.0, -3.0, 4.0, 4.0, 4.0, 0.0, 7.0, 3.0, -1.0, 6.0, 6.0, 2.0, 2.0, 2.0, -2.0, 5.0, 1.0, -3.0, 4.0, 4.0, 2.0, 2.0, 2.0, -2.0, 5.0, 1.0, -3.0, 4.0, 4.0, 2.0, 2.0, 2.0, -2.0, 5.0, 1.0, -3.0, 4.0, 4.0};
static const int64_t golden_edge_shape[] = {2, 7, 9};
static const double golden_wrap[] = {-3.0, 4.0, 2.0, -2.0, 5.0, 1.0, -3.0, 4.0, 2.0, 3.0, -1.0, -3.0, 4.0, 0.0, 7.0, 3.0, -1.0, -3.0, 1.0, -3.0, 6.0, 2.0, -2.0, 5.0, 1.0, -3.0, 6.0, -1.0, 6.0, 4.0, 0.0, 7.0, 3.0, -1.0, 6.0, 4.0, -3.0, 4.0, 2.0, -2.0, 5.0, 1.0, -3.0, 4.0, 2.0, 3.0, -1.0, -3.0, 4.0, 0.0, 7.0, 3.0, -1.0, -3.0, 1.0, -3.0, 6.0, 2.0, -2.0, 5.0, 1.0, -3.0, 6.0};
static const int64_t golden_wrap_shape[] = {2, 7, 9};
static const double golden_concat[] = {-3.0, 4.0, 0.0, 7.0, 3.0, -1.0, 6.0, 2.0, -2.0, 5.0, 1.0, -3.0, 4.0, 0.0, 7.0, 3.0, -1.0, 6.0, 2.0, -2.0, 5.0, 1.0, -3.0, 4.0, -3.0, 4.0, 0.0, 7.0, 3.0, -1.0, 6.0, 2.0, -2.0, 5.0, 1.0, -3.0};
static const int64_t golden_concat_shape[] = {2, 6, 6};
static const double golden_stack[] = {-3.0, 4.0, 0.0, 7.0, 3.0, -1.0, 3.0, -4.0, -0.0, -7.0, -3.0, 1.0, 6.0, 2.0, -2.0, 5.0, 1.0, -3.0, -6.0, -2.0, 2.0, -5.0, -1.0, 3.0, 4.0, 0.0, 7.0, 3.0, -1.0, 6.0, -4.0, -0.0, -7.0, -3.0, 1.0, -6.0, 2.0, -2.0, 5.0, 1.0, -3.0, 4.0, -2.0, 2.0, -5.0, -1.0, 3.0, -4.0};
static const int64_t golden_stack_shape[] = {3, 4, 2, 6};
static const double golden_take[] = {-1.0, -3.0, -1.0, 0.0, -3.0, 6.0, -3.0, -2.0, 6.0, 4.0, 6.0, 7.0, 4.0, 2.0, 4.0, 5.0};
static const int64_t golden_take_shape[] = {3, 4, 2, 2};
static const double golden_take_along[] = {1.0, 1.0, 2.0, 3.0, -1.0, -1.0, 0.0, 4.0, 2.0, 2.0, 2.0, 2.0};
static const int64_t golden_take_along_shape[] = {2, 3, 4};
static const double golden_nd[] = {1.0, 2.0, 3.0, 4.0, -2.0, -1.0, 0.0, 1.0, 2.0, 3.0, 2.0, 3.0, 4.0, -2.0, -1.0};
static const int64_t golden_nd_shape[] = {2, 3, 5};
static const double golden_put[] = {3.0, 8.0, 2.0, 1.0, 0.0, -1.0, 4.0, 9.0, 7.0, 2.0, 2.0, 2.0};
static const int64_t golden_put_shape[] = {2, 3, 4};
static const double golden_added[] = {0.0, 0.0, 0.0, 0.0, 3.0, 0.0, 6.0, 0.0, 0.0, 0.0, 0.0, 0.0, 2.0, 2.0, 2.0, 2.0};
static const int64_t golden_added_shape[] = {2, 4, 4};
static const double golden_argmax[] = {0.0, 2.0, 0.0};
static const int64_t golden_argmax_shape[] = {1, 3};
static const double golden_argmin[] = {1.0, 1.0, 0.0, 1.0};
static const int64_t golden_argmin_shape[] = {1, 4};
static const double golden_cumsum[] = {-3.0, 1.0, 1.0, 8.0, 11.0, 10.0, 6.0, 8.0, 6.0, 11.0, 12.0, 9.0, 4.0, 4.0, 11.0, 14.0, 13.0, 19.0, 2.0, 0.0, 5.0, 6.0, 3.0, 7.0};
static const int64_t golden_cumsum_shape[] = {2, 4, 6};
static const double golden_cumprod[] = {3.0, 1.0, 2.0, 1.0, 0.0, -1.0, 8.0, -1.0, 0.0, -2.0, 16.0, -2.0};
static const int64_t golden_cumprod_shape[] = {2, 3, 4};
static const double golden_sort[] = {-3.0, -2.0, -2.0, 1.0, -3.0, -3.0, 2.0, 0.0, 0.0, 3.0, -1.0, -1.0, 4.0, 2.0, 5.0, 5.0, 1.0, 4.0, 6.0, 4.0, 7.0, 7.0, 3.0, 6.0};
static const int64_t golden_sort_shape[] = {2, 4, 6};
static const double golden_order[] = {1.0, 3.0, 2.0, 0.0, 1.0, 3.0, 0.0, 2.0, 0.0, 1.0, 2.0, 3.0};
static const int64_t golden_order_shape[] = {2, 3, 4};
static const double golden_tril[] = {0.0, 0.0, 0.0, 0.0, 0.0, 0.0, 6.0, 0.0, 0.0, 0.0, 0.0, 0.0, 4.0, 0.0, 0.0, 0.0, 0.0, 0.0, 2.0, -2.0, 5.0, 0.0, 0.0, 0.0};
static const int64_t golden_tril_shape[] = {2, 4, 6};
static const double golden_triu[] = {0.0, 4.0, 0.0, 7.0, 3.0, -1.0, 0.0, 0.0, -2.0, 5.0, 1.0, -3.0, 0.0, 0.0, 0.0, 3.0, -1.0, 6.0, 0.0, 0.0, 0.0, 0.0, -3.0, 4.0};
static const int64_t golden_triu_shape[] = {2, 4, 6};
static const double golden_var[] = {13.466666666666665, 13.1, 10.166666666666668, 10.166666666666668};
static const int64_t golden_var_shape[] = {1, 4};
static const double golden_std[] = {3.2185982973959333};
static const int64_t golden_std_shape[] = {0, 0};
static const double golden_logsumexp[] = {6.1430385960421745, 4.145077938960783, 7.127839477496747, 7.145077938960783, 3.145077938960782, 6.127839477496747};
static const int64_t golden_logsumexp_shape[] = {1, 6};
static const double golden_norm3[] = {12.006940429540377};
static const int64_t golden_norm3_shape[] = {0, 0};
static const double golden_batch[] = {5.0, 5.0, -5.0, 9.0, 6.0, -1.0, 10.0, 10.0, -7.0, 0.0, 11.0, -3.0};
static const int64_t golden_batch_shape[] = {3, 2, 3, 2};
static const double golden_outer[] = {9.0, -18.0, -12.0, -6.0, -12.0, 24.0, 16.0, 8.0, 0.0, 0.0, 0.0, 0.0, -21.0, 42.0, 28.0, 14.0, -9.0, 18.0, 12.0, 6.0, 3.0, -6.0, -4.0, -2.0};
static const int64_t golden_outer_shape[] = {2, 6, 4};
static const double golden_inner[] = {31.0};
static const int64_t golden_inner_shape[] = {0, 0};
static const double golden_turned[] = {-3.0, 6.0, 4.0, 2.0, 4.0, 2.0, 0.0, -2.0, 0.0, -2.0, 7.0, 5.0, 7.0, 5.0, 3.0, 1.0, 3.0, 1.0, -1.0, -3.0, -1.0, -3.0, 6.0, 4.0};
static const int64_t golden_turned_shape[] = {2, 6, 4};
static const double golden_trace[] = {7.0};
static const int64_t golden_trace_shape[] = {0, 0};
static const double golden_diagonal[] = {-3.0, 2.0, 7.0, 1.0};
static const int64_t golden_diagonal_shape[] = {1, 4};
static const double golden_summed[] = {7.0, 6.0, 5.0, 4.0, 3.0};
static const int64_t golden_summed_shape[] = {1, 5};
static const double golden_three[] = {45.0, 90.0, -30.0, 180.0, 60.0, -60.0, 90.0, -30.0, -18.0, -39.0, -27.0, -15.0, -75.0, 60.0, 8.0, 99.0, 47.0, -5.0};
static const int64_t golden_three_shape[] = {2, 3, 6};
static const double golden_implicit[] = {31.0, 0.0, 79.0, 6.0, 6.0, 111.0, -12.0, 73.0};
static const int64_t golden_implicit_shape[] = {2, 4, 2};
static const double golden_mixed[] = {-5.0, 8.0, 20.0, 17.0, 31.0, 26.0};
static const int64_t golden_mixed_shape[] = {2, 3, 2};
/* clang-format on */

#endif
