using System.Runtime.InteropServices;
using System.Security.Cryptography;
using System.Text;
using System.Text.Json.Nodes;
using Faith.Engine.Models;
using Faith.Kernels;
using Xunit;

namespace Faith.Engine.Tests.Models;

public sealed class ModelLoaderTests
{
    private static float[] Values(TensorData tensor) => MemoryMarshal.Cast<byte, float>(tensor.Bytes).ToArray();

    private static float[] All(MatrixSource matrix)
    {
        var rows = matrix.StoredTransposed ? matrix.Outputs : matrix.Inputs;
        var result = new float[matrix.Inputs * matrix.Outputs];
        matrix.ReadStoredRows(0, rows, result);
        return result;
    }

    private static (string, int, int, int, int, int, int) Sizes(ModelConfig c) =>
        (c.Family, c.Layers, c.Width, c.Heads, c.KeyValueHeads, c.HeadDim, c.MlpWidth);

    private static ModelWeights Load(TinyModel model, TemporaryDirectory directory)
    {
        model.Write(directory.Path);
        return ModelLoader.Load(directory.Path);
    }

    [Theory]
    [InlineData("transformer.", "GPT2LMHeadModel")]
    [InlineData("", "GPT2LMHeadModel")]
    [InlineData("", "GPT2Model")]
    public void Gpt2_loads_with_and_without_prefix(string prefix, string architecture)
    {
        using var directory = new TemporaryDirectory();
        var model = TinyModel.Gpt2(prefix);
        model.Config["architectures"] = new JsonArray(architecture);
        using var weights = Load(model, directory);

        var config = weights.Config;
        Assert.Equal(("gpt2", 2, 8, 2, 2, 4, 32), Sizes(config));
        Assert.Equal((11, 6, 3, 4), (config.Vocabulary, config.Context, config.BeginToken, config.EndToken));
        Assert.Equal((NormKind.LayerNorm, ActivationFunction.GeluTanh, true), (config.Norm, config.Activation, config.TiedEmbedding));
        Assert.Null(config.Rotary);
        Assert.Equal((1e-5f, 0.5f), (config.NormEpsilon, config.AttentionScale[0]));

        Assert.Equal(Values(model[prefix + "wte.weight"]), All(weights.Embedding));
        Assert.Same(weights.Embedding, weights.Unembedding);
        Assert.Equal(Values(model[prefix + "wpe.weight"]), All(weights.Positions!));
        Assert.Equal(Values(model[prefix + "ln_f.weight"]), weights.FinalNormScale);
        Assert.Equal(Values(model[prefix + "ln_f.bias"]), weights.FinalNormShift);
        for (var l = 0; l < 2; l++)
        {
            var layer = weights.Layers[l];
            var h = $"{prefix}h.{l}.";
            Assert.Equal(Values(model[h + "ln_1.weight"]), layer.AttentionNormScale);
            Assert.Equal(Values(model[h + "ln_1.bias"]), layer.AttentionNormShift);
            Assert.Equal(Values(model[h + "attn.c_attn.weight"]), All(layer.QueryKeyValue));
            Assert.Equal((8, 24, false), (layer.QueryKeyValue.Inputs, layer.QueryKeyValue.Outputs, layer.QueryKeyValue.StoredTransposed));
            Assert.Equal(Values(model[h + "attn.c_attn.bias"]), layer.QueryKeyValueBias);
            Assert.Equal(Values(model[h + "attn.c_proj.weight"]), All(layer.Output));
            Assert.Equal(Values(model[h + "attn.c_proj.bias"]), layer.OutputBias);
            Assert.Equal(Values(model[h + "ln_2.weight"]), layer.MlpNormScale);
            Assert.Equal(Values(model[h + "ln_2.bias"]), layer.MlpNormShift);
            Assert.Equal(Values(model[h + "mlp.c_fc.weight"]), All(layer.Up));
            Assert.Equal(Values(model[h + "mlp.c_fc.bias"]), layer.UpBias);
            Assert.Equal(Values(model[h + "mlp.c_proj.weight"]), All(layer.Down));
            Assert.Equal((32, 8), (layer.Down.Inputs, layer.Down.Outputs));
            Assert.Equal(Values(model[h + "mlp.c_proj.bias"]), layer.DownBias);
        }
    }

    [Fact]
    public void Gpt2_takes_other_activations_and_scales_by_layer()
    {
        using var directory = new TemporaryDirectory();
        var model = TinyModel.Gpt2();
        (model.Config["activation_function"], model.Config["scale_attn_by_inverse_layer_idx"], model.Config["reorder_and_upcast_attn"]) = ("relu", true, true);
        using var weights = Load(model, directory);
        Assert.Equal((ActivationFunction.Relu, 0.5f, 0.25f), (weights.Config.Activation, weights.Config.AttentionScale[0], weights.Config.AttentionScale[1]));
    }

    [Theory]
    [InlineData("llama", "model.", false, false)]
    [InlineData("llama", "", false, false)]
    [InlineData("llama", "model.", true, false)]
    [InlineData("llama", "model.", true, true)]
    [InlineData("mistral", "model.", false, false)]
    [InlineData("qwen2", "model.", false, false)]
    public void Llama_families_fuse_their_projections(string family, string prefix, bool attentionBias, bool mlpBias)
    {
        using var directory = new TemporaryDirectory();
        var model = TinyModel.Llama(family, prefix, attentionBias, mlpBias);
        using var weights = Load(model, directory);

        var config = weights.Config;
        Assert.Equal((family, 2, 8, 4, 2, 2, 12), Sizes(config));
        Assert.Equal((NormKind.RmsNorm, ActivationFunction.Silu, true, 1e-6f), (config.Norm, config.Activation, config.Gated, config.NormEpsilon));
        Assert.Equal(new RotaryConfig(500000, 2), config.Rotary![0]);
        Assert.Equal((1, 2, false), (config.BeginToken, config.EndToken, config.TiedEmbedding));
        Assert.Equal((float)(1 / Math.Sqrt(2)), config.AttentionScale[0]);

        Assert.Equal(Values(model[prefix + "embed_tokens.weight"]), All(weights.Embedding));
        Assert.Equal(Values(model["lm_head.weight"]), All(weights.Unembedding));
        Assert.Null(weights.Positions);
        Assert.Null(weights.FinalNormShift);
        for (var l = 0; l < 2; l++)
        {
            var layer = weights.Layers[l];
            float[]? Joined(bool present, params string[] names) =>
                present ? [.. names.SelectMany(name => Values(model[$"{prefix}layers.{l}.{name}"]))] : null;

            Assert.Equal(Joined(true, "input_layernorm.weight"), layer.AttentionNormScale);
            Assert.Equal(
                Joined(true, "self_attn.q_proj.weight", "self_attn.k_proj.weight", "self_attn.v_proj.weight"),
                All(layer.QueryKeyValue));
            Assert.Equal((8, 16, true), (layer.QueryKeyValue.Inputs, layer.QueryKeyValue.Outputs, layer.QueryKeyValue.StoredTransposed));
            Assert.Equal(
                Joined(attentionBias || family == "qwen2", "self_attn.q_proj.bias", "self_attn.k_proj.bias", "self_attn.v_proj.bias"),
                layer.QueryKeyValueBias);
            Assert.Equal(Joined(true, "self_attn.o_proj.weight"), All(layer.Output));
            Assert.Equal(Joined(attentionBias, "self_attn.o_proj.bias"), layer.OutputBias);
            Assert.Equal(Joined(true, "post_attention_layernorm.weight"), layer.MlpNormScale);
            Assert.Equal(Joined(true, "mlp.gate_proj.weight", "mlp.up_proj.weight"), All(layer.Up));
            Assert.Equal(Joined(mlpBias, "mlp.gate_proj.bias", "mlp.up_proj.bias"), layer.UpBias);
            Assert.Equal((12, 8, true), (layer.Down.Inputs, layer.Down.Outputs, layer.Down.StoredTransposed));
            Assert.Equal(Joined(true, "mlp.down_proj.weight"), All(layer.Down));
            Assert.Equal(Joined(mlpBias, "mlp.down_proj.bias"), layer.DownBias);
        }
    }

    [Fact]
    public void Any_range_of_rows_of_a_fused_matrix_reads_the_same()
    {
        using var directory = new TemporaryDirectory();
        using var weights = Load(TinyModel.Llama(), directory);
        var matrix = weights.Layers[1].QueryKeyValue;
        var all = All(matrix);
        for (var start = 0; start <= matrix.Outputs; start++)
        {
            for (var count = 0; count <= matrix.Outputs - start; count++)
            {
                var rows = new float[count * matrix.Inputs + 1];
                rows[^1] = -7;
                matrix.ReadStoredRows(start, count, rows);
                Assert.Equal(all[(start * matrix.Inputs)..((start + count) * matrix.Inputs)], rows[..^1]);
                Assert.Equal(-7, rows[^1]);
            }
        }
        var one = new float[matrix.Inputs * 2];
        Assert.Throws<ArgumentOutOfRangeException>(() => matrix.ReadStoredRows(-1, 1, one));
        Assert.Throws<ArgumentOutOfRangeException>(() => matrix.ReadStoredRows(matrix.Outputs, 1, one));
        Assert.Throws<ArgumentOutOfRangeException>(() => matrix.ReadStoredRows(int.MaxValue, int.MaxValue, one));
        Assert.Throws<ArgumentOutOfRangeException>(() => matrix.ReadStoredRows(0, 3, one));
    }

    [Theory]
    [InlineData("F16", WeightPrecision.Float16)]
    [InlineData("BF16", WeightPrecision.BFloat16)]
    public void Sixteen_bit_weights_are_widened_exactly(string type, WeightPrecision precision)
    {
        using var directory = new TemporaryDirectory();
        var model = TinyModel.Llama().As(type);
        using var weights = Load(model, directory);
        Assert.Equal(precision, weights.Embedding.Precision);
        Assert.Equal(precision, weights.Layers[0].QueryKeyValue.Precision);
        var stored = MemoryMarshal.Cast<byte, ushort>(model["model.embed_tokens.weight"].Bytes).ToArray();
        var expected = stored.Select(bits => type == "F16"
            ? (float)BitConverter.UInt16BitsToHalf(bits)
            : BitConverter.UInt32BitsToSingle((uint)bits << 16));
        Assert.Equal(expected, All(weights.Embedding));
    }

    [Fact]
    public void Fused_parts_of_different_encodings_count_as_single_precision()
    {
        using var directory = new TemporaryDirectory();
        var model = TinyModel.Llama().As("BF16");
        var k = model["model.layers.0.self_attn.k_proj.weight"];
        model[k.Name] = TensorData.F32(k.Name, k.Shape, new float[32]);
        using var weights = Load(model, directory);
        Assert.Equal(WeightPrecision.Float32, weights.Layers[0].QueryKeyValue.Precision);
        Assert.Equal(WeightPrecision.BFloat16, weights.Layers[1].QueryKeyValue.Precision);
    }

    [Theory]
    [InlineData(1)]
    [InlineData(2)]
    [InlineData(5)]
    public void Shards_load_as_one_file_does(int shards)
    {
        using var whole = new TemporaryDirectory();
        using var split = new TemporaryDirectory();
        using var expected = Load(TinyModel.Llama(), whole);
        TinyModel.Llama().WriteShards(split.Path, shards);
        using var actual = ModelLoader.Load(split.Path);
        Assert.Equal(expected.Config, actual.Config);
        Assert.Equal(All(expected.Embedding), All(actual.Embedding));
        Assert.Equal(All(expected.Unembedding), All(actual.Unembedding));
        Assert.Equal(expected.FinalNormScale, actual.FinalNormScale);
        for (var l = 0; l < 2; l++)
        {
            Assert.Equal(expected.Layers[l].AttentionNormScale, actual.Layers[l].AttentionNormScale);
            Assert.Equal(expected.Layers[l].MlpNormScale, actual.Layers[l].MlpNormScale);
            Assert.Equal(All(expected.Layers[l].QueryKeyValue), All(actual.Layers[l].QueryKeyValue));
            Assert.Equal(All(expected.Layers[l].Output), All(actual.Layers[l].Output));
            Assert.Equal(All(expected.Layers[l].Up), All(actual.Layers[l].Up));
            Assert.Equal(All(expected.Layers[l].Down), All(actual.Layers[l].Down));
        }
    }

    [Fact]
    public void Hash_covers_names_sizes_and_contents()
    {
        using var directory = new TemporaryDirectory();
        string hash;
        using (var weights = Load(TinyModel.Gpt2(), directory)) hash = weights.Hash;
        var lines = new StringBuilder();
        foreach (var name in new[] { "config.json", "model.safetensors" })
        {
            var bytes = File.ReadAllBytes(directory.File(name));
            lines.Append($"{name} {bytes.Length} {Convert.ToHexStringLower(SHA256.HashData(bytes))}\n");
        }
        Assert.Equal(Convert.ToHexStringLower(SHA256.HashData(Encoding.UTF8.GetBytes(lines.ToString()))), hash);

        var changed = TinyModel.Gpt2();
        changed["transformer.ln_f.bias"].Bytes[0] ^= 1;
        using var other = Load(changed, directory);
        Assert.NotEqual(hash, other.Hash);
    }

    [Fact]
    public void Reading_after_disposal_throws_and_does_not_crash()
    {
        using var directory = new TemporaryDirectory();
        var weights = Load(TinyModel.Gpt2(), directory);
        weights.Dispose();
        Assert.Throws<ObjectDisposedException>(() => All(weights.Embedding));
    }

    [Fact]
    public void Threads_may_read_while_another_disposes()
    {
        using var directory = new TemporaryDirectory();
        for (var round = 0; round < 20; round++)
        {
            var weights = Load(TinyModel.Llama(), directory);
            var matrix = weights.Layers[0].QueryKeyValue;
            var expected = All(matrix);
            Parallel.For(0, 4, thread =>
            {
                if (thread == 3)
                {
                    weights.Dispose();
                    return;
                }
                try
                {
                    for (var i = 0; i < 50; i++) Assert.Equal(expected, All(matrix));
                }
                catch (ObjectDisposedException)
                {
                    // What a reader that comes too late must meet.
                }
            });
        }
    }

    [Fact]
    public void Tied_models_accept_an_equal_copy_of_the_embedding()
    {
        using var directory = new TemporaryDirectory();
        var model = TinyModel.Gpt2();
        model.Tensors.Add(model["transformer.wte.weight"] with { Name = "lm_head.weight" });
        using var weights = Load(model, directory);
        Assert.Same(weights.Embedding, weights.Unembedding);
    }

    [Theory]
    [SharedInlineData("stories260K", "llama", 5, 64)]
    [SharedInlineData("goldens/gpt2-tiny-random", "gpt2", 2, 32)]
    public void Real_checkpoints_load(string name, string family, int layers, int width)
    {
        using var weights = ModelLoader.Load(SharedData.Find(name)!);
        Assert.Equal((family, layers, width), (weights.Config.Family, weights.Config.Layers, weights.Config.Width));
        Assert.Equal(64, weights.Hash.Length);
        Assert.All(All(weights.Layers[layers - 1].QueryKeyValue), value => Assert.True(float.IsFinite(value)));
    }

    [Fact]
    public void A_begin_token_outside_the_vocabulary_is_the_concern_of_text_alone()
    {
        using var directory = new TemporaryDirectory();
        var model = TinyModel.Gpt2();
        (model.Config["bos_token_id"], model.Config["eos_token_id"]) = (50256, 50256);
        model.Write(directory.Path);
        using var weights = ModelLoader.Load(directory.Path);
        Assert.Equal((50256, 50256), (weights.Config.BeginToken, weights.Config.EndToken));
    }
}
