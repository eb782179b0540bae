// A C++ program outside the tree: the macros and inline functions of the headers, a graph that runs.
#include <leat/leat.h>

#include <cstddef>
#include <cstdio>

int main()
{
    leat_context *c = nullptr;
    leat_graph *g = nullptr;
    const float rows[] = {1, 2, 3, 4, 5, 6};
    const std::size_t count = 2;
    float sum = 0;
    if (leat_context_create(&c, nullptr) != LEAT_OK) return 1;
    leat_status st = leat_graph_create(c, nullptr, &g);
    if (st == LEAT_OK) {
        leat_tensor *x = leat_input(g, LEAT_DTYPE_F32, LEAT_DIMS(count, 3), rows);
        leat_tensor *y = leat_reshape(leat_sum(x, 0, nullptr, false), LEAT_SCALAR);
        st = leat_run(g, 1, &y);
        if (st == LEAT_OK) st = leat_get(y, &sum, sizeof sum);
    }
    if (st != LEAT_OK) std::fprintf(stderr, "%s\n", leat_error_message(c));
    std::printf("the sum is %g\n", static_cast<double>(sum));
    leat_graph_destroy(g);
    leat_context_destroy(c);
    return st != LEAT_OK;
}
