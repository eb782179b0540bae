/* What every format of models is tried on: estimators with parameters, networks of all layers.
 * Included by one source of a test program. */
#ifndef LEATTEST_EXCHANGE_CASES_H
#define LEATTEST_EXCHANGE_CASES_H

typedef struct exchange_case {
    const char *estimator, *params;
    double tolerance; /* of answers, relative to 1 + |answer| */
} exchange_case;

#define EACH(i, list)                                                                              \
    size_t i = 0;                                                                                  \
    i < sizeof(list) / sizeof *(list);                                                             \
    i++

/* Sums are ordered otherwise than in the kernels, so the last bits differ; networks and some
 * support vector machines compute in single precision. */
#define EXACT  1e-11
#define SINGLE 2e-5

static const exchange_case classifiers[] = {
    {"baseline", NULL, 0},
    {"baseline", "strategy=stratified", 0},
    {"lda", NULL, EXACT},
    {"qda", "reg_param=0.1", EXACT},
    {"knn", NULL, EXACT},
    {"knn", "weights=distance", EXACT},
    {"knn", "metric=cosine|weights=distance", EXACT},
    {"knn", "metric=chebyshev", EXACT},
    {"cart", NULL, 0},
    {"gaussian_nb", NULL, EXACT},
    {"multinomial_nb", NULL, EXACT},
    {"bernoulli_nb", NULL, EXACT},
    {"logistic", NULL, EXACT},
    {"sgd", NULL, EXACT},
    {"sgd", "loss=log_loss", EXACT},
    {"sgd", "loss=modified_huber", EXACT},
    {"svc", NULL, SINGLE},
    {"svc", "kernel=poly|break_ties=true", SINGLE},
    {"svc", "kernel=sigmoid|probability=true", SINGLE},
    {"svc", "kernel=linear|probability=true", SINGLE},
    {"linear_svc", NULL, EXACT},
    {"network", "epochs=3", SINGLE},
    {"network", "epochs=3|loss=bce_with_logits", SINGLE},
    {"network", "epochs=3|loss=mse", SINGLE},
    {"network", "epochs=3|loss=mse|layers=dense(8, relu); dense(3, softmax)", SINGLE},
    {"network", "epochs=3|loss=hinge", SINGLE},
    {"network", "epochs=3|loss=nll", SINGLE},
    {"network", "epochs=3|loss=kl", SINGLE},
};
static const exchange_case regressors[] = {
    {"baseline", NULL, 0},
    {"knn", NULL, EXACT},
    {"knn", "weights=distance|p=3", EXACT},
    {"knn", "metric=manhattan", EXACT},
    {"cart", NULL, 0},
    {"linear", NULL, EXACT},
    {"ridge", NULL, EXACT},
    {"lasso", "alpha=0.01", EXACT},
    {"elastic_net", "alpha=0.01", EXACT},
    {"sgd", NULL, EXACT},
    {"svr", NULL, SINGLE},
    {"svr", "kernel=linear", SINGLE},
    {"linear_svr", NULL, EXACT},
    {"network", "epochs=3", SINGLE},
};

/* Two classes, where linear models and machines keep one score. */
static const char *const of_two[][2] = {{"logistic", NULL},
                                        {"sgd", "loss=log_loss"},
                                        {"sgd", "loss=modified_huber"},
                                        {"linear_svc", NULL},
                                        {"svc", NULL},
                                        {"svc", "probability=true"},
                                        {"lda", NULL},
                                        {"network", "epochs=2"},
                                        {"network", "epochs=2|loss=mse"}};

/* For leattest_numbers, to follow "epochs=1|". */
static const char *const networks[] = {
    "input=4x4x3|layers=conv2d(5, 3, activation=relu); flatten",
    "input=4x4x3|layers=conv2d(4, 2, strides=2, padding=same); batch_norm; relu; max_pool2d; "
    "flatten",
    "input=4x4x3|layers=conv2d(6, 3, padding=same, groups=3, dilation_rate=2); average_pool2d(2, "
    "padding=same, strides=1); global_average_pool",
    "input=4x4x3|layers=depthwise_conv2d(3, padding=same); gelu; separable_conv2d(4, 2); "
    "global_max_pool",
    "input=4x4x3|layers=conv2d_transpose(2, 3, strides=2); leaky_relu; pad(1); crop(1x0, "
    "high=0x2); flatten",
    "input=4x4x3|layers=conv2d_transpose(6, 3, strides=2, padding=1, groups=3, "
    "output_padding=1); conv2d_transpose(4, 2, 1x2, padding=1, dilation_rate=3x1, groups=2, "
    "output_padding=2x1); flatten",
    "input=16x3|layers=conv1d(4, 3, padding=causal, activation=silu); max_pool1d(3, strides=2); "
    "instance_norm; flatten",
    "input=2x4x2x3|layers=conv3d(3, 2, padding=same); tanh; max_pool3d(2, padding=same); flatten",
    "input=4x4x3|layers=upsample(2x1); group_norm(3); mish; permute(2, 1, 3); flatten",
    "input=4x4x3|layers=upsample(2x3, bilinear); conv2d(3, 3, 2); upsample(1x2, bicubic, "
    "align_corners=true); upsample(2, cubic); flatten",
    "input=6x8|layers=upsample(2, linear); upsample(3, cubic, true); flatten",
    "input=2x4x2x3|layers=upsample(2x3x1, trilinear); upsample(2, linear, true); flatten",
    "input=4x4x3|layers=pad(1x2, high=2x0, mode=reflect); conv2d(3, 3); pad(1, mode=edge); pad(2, "
    "mode=wrap); flatten",
    "input=12x4|layers=lstm(6, return_sequences=true); gru(5)",
    "input=12x4|layers=gru(4, true, true, use_bias=false); lstm(3, true, use_bias=false); rnn(3, "
    "use_bias=false)",
    "input=12x4|layers=rnn(6, return_sequences=true, bidirectional=true); gru(4, "
    "bidirectional=true); layer_norm",
    "input=12x4|layers=lstm(5, layers=2, bidirectional=true, use_bias=false); rms_norm",
    "input=12x4|layers=positions; multi_head_attention(2, 4); global_average_pool",
    "input=12x4|layers=transformer_encoder(2, 8); flatten; dropout(0.5)",
    "layers=residual { dense(48, selu) }; concat { identity; sequence { dense(8); softplus } }; "
    "add { dense(9); dense(9, softmax) }",
    "layers=dense(10, elu); hard_swish; hard_sigmoid; celu; softsign; log_sigmoid; relu6; exp",
    "layers=dense(10); log_softmax; repeat(3); flatten; gelu_tanh; sigmoid",
    "input=48|layers=reshape(6, 8); masking(0.5); lstm(4)",
};

/* The same for whole numbers. */
static const char *const readers[] = {
    "layers=embedding(10, 4); flatten",
    "layers=embedding(10, 4, mask_zero=true); lstm(5); layer_norm",
    "layers=embedding(10, 4, mask_zero=true); gru(5, bidirectional=true)",
    "layers=embedding(10, 4, mask_zero=true); multi_head_attention(2); global_average_pool",
    "layers=embedding(10, 8); positions(learned); transformer_encoder(2, 8, causal=true); "
    "global_max_pool",
    "layers=memory { crop(0, high=20); embedding(10, 8); transformer_encoder(2, 8) }; crop(30, "
    "high=0); embedding(10, 8); transformer_decoder(2, 8); flatten",
};

#endif
