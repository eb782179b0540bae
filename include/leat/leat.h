/* Everything public. */
#ifndef LEAT_LEAT_H
#define LEAT_LEAT_H

#include <leat/call.h>
#include <leat/check.h>
#include <leat/context.h>
#include <leat/custom_op.h>
#include <leat/data.h>
#include <leat/estimator.h>
#include <leat/evaluate.h>
#include <leat/exchange.h>
#include <leat/experiment.h>
#include <leat/explain.h>
#include <leat/frame.h>
#include <leat/function.h>
#include <leat/generate.h>
#include <leat/graph.h>
#include <leat/haproxy.h>
#include <leat/hub.h>
#include <leat/image.h>
#include <leat/inspect.h>
#include <leat/json.h>
#include <leat/key.h>
#include <leat/kubernetes.h>
#include <leat/metric.h>
#include <leat/model.h>
#include <leat/monitor.h>
#include <leat/network.h>
#include <leat/onnx.h>
#include <leat/plot.h>
#include <leat/profile.h>
#include <leat/progress.h>
#include <leat/read.h>
#include <leat/registry.h>
#include <leat/reproduce.h>
#include <leat/rollout.h>
#include <leat/scale.h>
#include <leat/serve.h>
#include <leat/session.h>
#include <leat/settings.h>
#include <leat/status.h>
#include <leat/table.h>
#include <leat/tensor.h>
#include <leat/text.h>
#include <leat/training_plan.h>

#endif
