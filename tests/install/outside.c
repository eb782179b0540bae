/* A program of somebody else's: fits iris with the installed library and predicts with the model.
 */
#include <stdio.h>

#include <leat/leat.h>

int main(void)
{
    leat_context *c;
    leat_frame *iris = NULL, *answers = NULL;
    leat_experiment *e = NULL;
    leat_experiment_options o = leat_experiment_options_default();
    const char *text = "";
    size_t length = 0;
    if (leat_context_create(&c, NULL) != LEAT_OK) return 1;
    o.target = "species";
    o.models = "lda";
    leat_status st = leat_data_load(c, &iris, "iris", NULL);
    if (st == LEAT_OK) st = leat_experiment_run(c, &e, iris, NULL, &o);
    if (st == LEAT_OK) st = leat_model_predict(c, leat_experiment_model(e), iris, false, &answers);
    if (st == LEAT_OK && leat_frame_text(answers, 0, 149, &text, &length))
        printf("%s %.4f %.*s\n", leat_version(), leat_experiment_row(e, 0).mean, (int)length, text);
    if (st != LEAT_OK) fprintf(stderr, "%s\n", leat_error_message(c));
    leat_frame_release(answers);
    leat_frame_release(iris);
    leat_experiment_destroy(e);
    leat_context_destroy(c);
    return st != LEAT_OK;
}
