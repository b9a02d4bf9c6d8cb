// All kinds of layers that a network may have. A new one gets a header beside this one, and a place in the list.
#pragma once

#include <variant>

#include <nniesim/network/kinds/activation.hpp>
#include <nniesim/network/kinds/arg_max.hpp>
#include <nniesim/network/kinds/axpy.hpp>
#include <nniesim/network/kinds/batch_norm.hpp>
#include <nniesim/network/kinds/bias.hpp>
#include <nniesim/network/kinds/concat.hpp>
#include <nniesim/network/kinds/continuation_indicator.hpp>
#include <nniesim/network/kinds/convolution.hpp>
#include <nniesim/network/kinds/crelu.hpp>
#include <nniesim/network/kinds/crop.hpp>
#include <nniesim/network/kinds/ctc_greedy_decoder.hpp>
#include <nniesim/network/kinds/custom.hpp>
#include <nniesim/network/kinds/deconvolution.hpp>
#include <nniesim/network/kinds/dense_block.hpp>
#include <nniesim/network/kinds/detection_output.hpp>
#include <nniesim/network/kinds/eltwise.hpp>
#include <nniesim/network/kinds/flatten.hpp>
#include <nniesim/network/kinds/fully_connected.hpp>
#include <nniesim/network/kinds/identity.hpp>
#include <nniesim/network/kinds/im2col.hpp>
#include <nniesim/network/kinds/input.hpp>
#include <nniesim/network/kinds/lrn.hpp>
#include <nniesim/network/kinds/matmul.hpp>
#include <nniesim/network/kinds/mvn.hpp>
#include <nniesim/network/kinds/normalize.hpp>
#include <nniesim/network/kinds/parameter.hpp>
#include <nniesim/network/kinds/pass_through.hpp>
#include <nniesim/network/kinds/permute.hpp>
#include <nniesim/network/kinds/pooling.hpp>
#include <nniesim/network/kinds/power.hpp>
#include <nniesim/network/kinds/prelu.hpp>
#include <nniesim/network/kinds/prior_box.hpp>
#include <nniesim/network/kinds/proposal.hpp>
#include <nniesim/network/kinds/psroi_pooling.hpp>
#include <nniesim/network/kinds/recurrent.hpp>
#include <nniesim/network/kinds/reduce_mean.hpp>
#include <nniesim/network/kinds/reduce_sum.hpp>
#include <nniesim/network/kinds/relu.hpp>
#include <nniesim/network/kinds/reshape.hpp>
#include <nniesim/network/kinds/resize.hpp>
#include <nniesim/network/kinds/reverse.hpp>
#include <nniesim/network/kinds/roi_pooling.hpp>
#include <nniesim/network/kinds/scale.hpp>
#include <nniesim/network/kinds/shuffle_channel.hpp>
#include <nniesim/network/kinds/slice.hpp>
#include <nniesim/network/kinds/softmax.hpp>
#include <nniesim/network/kinds/spp.hpp>
#include <nniesim/network/kinds/text_proposal.hpp>
#include <nniesim/network/kinds/unpool.hpp>
#include <nniesim/network/kinds/upsample.hpp>

NNIESIM_BEGIN_NAMESPACE

/// What layers compute, one type per kind; the parameters are the operators' own where they say all.
using layer_params =
    std::variant<layers::input, layers::convolution, layers::deconvolution, layers::fully_connected, layers::batch_norm,
                 layers::scale, layers::prelu, layers::normalize, layers::identity, layers::flatten, layers::reshape,
                 relu_params, activation_params, power_params, softmax_params, pooling_params, eltwise_params,
                 concat_params, permute_params, reduce_mean_params, reduce_sum_params, slice_params, lrn_params,
                 mvn_params, unpool_params, upsample_params, crop_params, arg_max_params, pass_through_params,
                 roi_pooling_params, psroi_pooling_params, proposal_params, spp_params, resize_params, prior_box_params,
                 detection_output_params, layers::recurrent, reverse_params, im2col_params,
                 continuation_indicator_params, ctc_greedy_decoder_params, dense_block_params, axpy_params, bias_params,
                 crelu_params, matmul_params, shuffle_channel_params, text_proposal_params, layers::custom,
                 layers::parameter>;

NNIESIM_END_NAMESPACE
