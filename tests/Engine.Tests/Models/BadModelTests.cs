using System.Runtime.InteropServices;
using System.Text.Json.Nodes;
using Faith.Engine.Models;
using Xunit;

namespace Faith.Engine.Tests.Models;

public sealed class BadModelTests
{
    private static string Fault(string directory)
    {
        var message = Assert.Throws<InputException>(() => ModelLoader.Load(directory).Dispose()).Message;
        Assert.StartsWith(directory, message);
        Assert.DoesNotContain('\n', message);
        return message;
    }

    private static string Fault(TinyModel model)
    {
        using var directory = new TemporaryDirectory();
        model.Write(directory.Path);
        return Fault(directory.Path);
    }

    private static string ConfigFault(TinyModel model, string key, string json)
    {
        model.Config[key] = JsonNode.Parse(json);
        var message = Fault(model);
        Assert.Contains("config.json: ", message);
        return message;
    }

    [Fact]
    public void Missing_files_are_named()
    {
        using var directory = new TemporaryDirectory();
        Assert.Contains("no such directory", Fault(directory.File("absent")));
        Assert.Contains("config.json: not found", Fault(directory.Path));
        TinyModel.Gpt2().Write(directory.Path);
        File.Delete(directory.File("model.safetensors"));
        Assert.Contains("neither model.safetensors nor model.safetensors.index.json", Fault(directory.Path));
    }

    [Theory]
    [InlineData("", "is empty (0 bytes)")]
    [InlineData(" ", "not valid JSON")]
    [InlineData("{", "not valid JSON")]
    [InlineData("{\"model_type\":\"gpt2\",\"model_type\":\"gpt2\"}", "not valid JSON")]
    [InlineData("[]", "must be a JSON object")]
    [InlineData("{}", "neither model_type nor architectures; supported: gpt2 (GPT2LMHeadModel, GPT2Model), llama")]
    [InlineData("{\"model_type\":\"\\ud800\"}", "config.json")]
    public void Config_must_be_an_object_that_names_a_model(string json, string expected)
    {
        using var directory = new TemporaryDirectory();
        TinyModel.Gpt2().Write(directory.Path);
        File.WriteAllText(directory.File("config.json"), json);
        Assert.Contains(expected, Fault(directory.Path));
    }

    [Theory]
    [InlineData("model_type", "\"bert\"", "model_type is \"bert\"; supported: gpt2 (GPT2LMHeadModel, GPT2Model), llama (LlamaForCausalLM), mistral")]
    [InlineData("model_type", "7", "model_type is 7; supported: a string")]
    [InlineData("architectures", "[\"GPT2ForSequenceClassification\"]", "GPT2LMHeadModel, GPT2Model")]
    [InlineData("architectures", "\"GPT2LMHeadModel\"", "a list of strings")]
    [InlineData("activation_function", "\"quick_gelu\"", "activation_function is \"quick_gelu\"; supported: gelu, gelu_new")]
    [InlineData("scale_attn_by_inverse_layer_idx", "1", "scale_attn_by_inverse_layer_idx is 1; supported: true or false")]
    [InlineData("add_cross_attention", "true", "add_cross_attention is true")]
    [InlineData("scale_attn_weights", "1", "scale_attn_weights is 1; supported: true or false")]
    [InlineData("n_embd", "null", "n_embd is missing")]
    [InlineData("n_embd", "0", "n_embd is 0; supported: a whole number from 1")]
    [InlineData("n_embd", "-8", "n_embd is -8")]
    [InlineData("n_embd", "8.5", "n_embd is 8.5")]
    [InlineData("n_embd", "\"8\"", "n_embd is \"8\"")]
    [InlineData("n_embd", "99999999999999999999", "n_embd is 99999999999999999999")]
    [InlineData("n_head", "3", "n_head is 3; supported: a divisor of n_embd = 8")]
    [InlineData("layer_norm_epsilon", "0", "layer_norm_epsilon is 0; supported: a positive number")]
    [InlineData("layer_norm_epsilon", "1e-300", "layer_norm_epsilon is 1e-300")]
    [InlineData("layer_norm_epsilon", "1e999", "layer_norm_epsilon is 1e999")]
    [InlineData("bos_token_id", "2147483648", "bos_token_id is 2147483648; supported: null or a token id from 0 to 2147483647")]
    [InlineData("n_layer", "100000000", "describes a model of 100000000 layers with 2 heads, whose graph has more than 2^31 pairs of nodes")]
    [InlineData("eos_token_id", "-1", "eos_token_id is -1")]
    public void Gpt2_settings_are_checked(string key, string json, string expected) =>
        Assert.Contains(expected, ConfigFault(TinyModel.Gpt2(), key, json));

    [Theory]
    [InlineData("llama", "hidden_act", "\"gelu\"", "hidden_act is \"gelu\"; supported: silu")]
    [InlineData("llama", "num_key_value_heads", "3", "num_key_value_heads is 3; supported: a divisor of num_attention_heads = 4")]
    [InlineData("llama", "num_attention_heads", "6", "num_attention_heads is 6; supported: a divisor of hidden_size = 8")]
    [InlineData("llama", "head_dim", "3", "the heads have 3 columns")]
    [InlineData("llama", "rope_theta", "-1", "rope_theta is -1")]
    [InlineData("llama", "rope_scaling", "3", "rope_scaling is 3; supported: null or an object")]
    [InlineData("llama", "rope_scaling", "{\"type\":\"dynamic\",\"factor\":2}", "rope_scaling.type is \"dynamic\"; supported: default, linear, llama3")]
    [InlineData("llama", "rope_scaling", "{\"rope_type\":\"ntk\",\"factor\":2}", "rope_scaling.rope_type is \"ntk\"")]
    [InlineData("llama", "rope_scaling", "{\"factor\":2}", "rope_scaling.type is absent")]
    [InlineData("llama", "rope_scaling", "{\"rope_type\":\"llama3\",\"factor\":8,\"low_freq_factor\":1,\"high_freq_factor\":4}", "rope_scaling.original_max_position_embeddings is missing")]
    [InlineData("llama", "rope_scaling", "{\"rope_type\":\"llama3\",\"factor\":8,\"low_freq_factor\":4,\"high_freq_factor\":4,\"original_max_position_embeddings\":8}", "rope_scaling.high_freq_factor is 4")]
    [InlineData("llama", "rope_parameters", "{\"rope_type\":\"dynamic\"}", "rope_parameters.rope_type is \"dynamic\"")]
    [InlineData("llama", "partial_rotary_factor", "0.5", "partial_rotary_factor is 0.5; supported: 1")]
    [InlineData("llama", "num_attention_heads", "268435456", "config.json")]
    [InlineData("llama", "max_position_embeddings", "2147483648", "max_position_embeddings is 2147483648; supported: a whole number from 1 to 2147483647")]
    [InlineData("llama", "max_position_embeddings", "1e400", "max_position_embeddings is 1e400")]
    [InlineData("mistral", "sliding_window", "0", "sliding_window is 0; supported: a whole number from 1")]
    [InlineData("mistral", "attention_bias", "true", "attention_bias is true; supported: false")]
    [InlineData("mistral", "architectures", "[\"LlamaForCausalLM\"]", "for model_type mistral: MistralForCausalLM")]
    [InlineData("mistral", "layer_types", "[\"full_attention\",\"sliding_attention\"]", "supported: sliding_attention beside a sliding_window")]
    [InlineData("llama", "layer_types", "[\"full_attention\",\"sliding_attention\"]", "supported: full_attention")]
    [InlineData("qwen2", "layer_types", "[\"full_attention\",\"sliding_attention\"]", "supported: full_attention")] // use_sliding_window is off
    [InlineData("qwen2", "layer_types", "[\"full_attention\"]", "layer_types is [\"full_attention\"]; supported: one of full_attention, sliding_attention for each of 2 layers")]
    [InlineData("qwen2", "layer_types", "[]", "layer_types is []; supported")]
    [InlineData("qwen2", "layer_types", "[\"full_attention\",\"chunked_attention\"]", "supported: one of full_attention, sliding_attention for each of 2 layers")]
    [InlineData("qwen2", "max_window_layers", "-1", "max_window_layers is -1; supported: a whole number from 0")]
    [InlineData("qwen2", "num_hidden_layers", "268435456", "whose graph has more than")]
    [InlineData("mistral", "num_hidden_layers", "268435456", "whose graph has more than")]
    [InlineData("qwen2", "mlp_bias", "true", "mlp_bias is true; supported: false")]
    public void Llama_settings_are_checked(string family, string key, string json, string expected) =>
        Assert.Contains(expected, ConfigFault(TinyModel.Llama(family), key, json));

    [Theory]
    [InlineData("llama", "head_dim", "2")]
    [InlineData("llama", "rope_scaling", "{\"rope_type\":\"default\"}")]
    [InlineData("llama", "rope_parameters", "{\"rope_theta\":500000.0}")]
    [InlineData("llama", "architectures", "null")]
    [InlineData("llama", "model_type", "null")]
    [InlineData("qwen2", "layer_types", "[\"full_attention\",\"full_attention\"]")]
    public void Harmless_settings_are_accepted(string family, string key, string json)
    {
        using var directory = new TemporaryDirectory();
        var model = TinyModel.Llama(family);
        model.Config[key] = JsonNode.Parse(json);
        model.Write(directory.Path);
        using var weights = ModelLoader.Load(directory.Path);
        Assert.Equal(new RotaryConfig(500000, 2), weights.Config.Rotary![0]);
    }

    [Theory]
    [InlineData("mistral", """{"sliding_window":8}""", "8 8")]
    [InlineData("mistral", """{"sliding_window":2147483647}""", "2147483647 2147483647")]
    [InlineData("mistral", """{"sliding_window":null}""", "")]
    [InlineData("mistral", """{"sliding_window":null,"layer_types":["full_attention","full_attention"]}""", "")]
    [InlineData("mistral", """{"sliding_window":8,"layer_types":["sliding_attention","sliding_attention"]}""", "8 8")]
    [InlineData("mistral", "{}", "4096 4096")] // as transformers reads it
    [InlineData("llama", """{"sliding_window":8}""", "")] // no such setting
    [InlineData("qwen2", """{"sliding_window":8}""", "")] // the switch is off
    [InlineData("qwen2", """{"sliding_window":8,"use_sliding_window":false,"max_window_layers":0}""", "")]
    [InlineData("qwen2", """{"sliding_window":8,"use_sliding_window":true,"max_window_layers":0}""", "8 8")]
    [InlineData("qwen2", """{"sliding_window":8,"use_sliding_window":true,"max_window_layers":1}""", "- 8")]
    [InlineData("qwen2", """{"sliding_window":8,"use_sliding_window":true,"max_window_layers":2}""", "")]
    [InlineData("qwen2", """{"sliding_window":8,"use_sliding_window":true}""", "")] // the first 28 layers have none
    [InlineData("qwen2", """{"use_sliding_window":true,"max_window_layers":1}""", "- 4096")]
    [InlineData("qwen2", """{"sliding_window":null,"use_sliding_window":true,"max_window_layers":1}""", "")]
    [InlineData("qwen2", """{"sliding_window":8,"use_sliding_window":true,"max_window_layers":0,"layer_types":["sliding_attention","full_attention"]}""", "8 -")]
    public void Windows_are_those_of_the_file(string family, string json, string expected)
    {
        using var directory = new TemporaryDirectory();
        var model = TinyModel.Llama(family);
        foreach (var (key, value) in JsonNode.Parse(json)!.AsObject()) model.Config[key] = value?.DeepClone();
        model.Write(directory.Path);
        using var weights = ModelLoader.Load(directory.Path);
        Assert.Equal(expected.Length > 0, weights.Config.Windows is not null);
        if (expected.Length > 0) Assert.Equal(expected, string.Join(' ', Enumerable.Range(0, 2).Select(l => weights.Config.Window(l)?.ToString() ?? "-")));
        Assert.Equal(16, weights.Config.Context);
    }

    [Fact]
    public void Llama3_rotary_scaling_is_read_from_either_place()
    {
        const string scaling = "\"rope_type\":\"llama3\",\"factor\":32.0,\"low_freq_factor\":1.0,\"high_freq_factor\":4.0,"
            + "\"original_max_position_embeddings\":8192";
        foreach (var (key, json) in new[]
        {
            ("rope_scaling", $"{{{scaling}}}"),
            ("rope_parameters", $"{{\"rope_theta\":500000.0,{scaling}}}"),
        })
        {
            using var directory = new TemporaryDirectory();
            var model = TinyModel.Llama();
            model.Config[key] = JsonNode.Parse(json);
            model.Write(directory.Path);
            using var weights = ModelLoader.Load(directory.Path);
            Assert.Equal(new RotaryConfig(500000, 2) { Scaling = new Llama3Scaling(32, 1, 4, 8192) }, weights.Config.Rotary![0]);
        }
    }

    [Fact]
    public void Every_missing_tensor_is_named()
    {
        foreach (var make in new Func<TinyModel>[]
        {
            () => TinyModel.Gpt2(), () => TinyModel.Gpt2(""),
            () => TinyModel.Llama(attentionBias: true, mlpBias: true), () => TinyModel.Llama("qwen2"),
        })
        {
            foreach (var tensor in make().Tensors)
            {
                if (tensor.Name.EndsWith("attn.bias") || tensor.Name.EndsWith("masked_bias")) continue;
                var model = make();
                model.Remove(tensor.Name);
                var message = Fault(model);
                Assert.Contains("model.safetensors: ", message);
                Assert.Contains($"tensor '{tensor.Name}' of shape [{string.Join(", ", tensor.Shape)}] is missing", message);
            }
        }
    }

    [Fact]
    public void Every_wrong_shape_is_named()
    {
        foreach (var make in new Func<TinyModel>[] { () => TinyModel.Gpt2(), () => TinyModel.Llama(attentionBias: true, mlpBias: true) })
        {
            foreach (var tensor in make().Tensors)
            {
                if (tensor.Name.EndsWith("attn.bias") || tensor.Name.EndsWith("masked_bias")) continue;
                var model = make();
                model[tensor.Name] = tensor with { Shape = [1, .. tensor.Shape] };
                var message = Fault(model);
                Assert.Contains($"tensor '{tensor.Name}' has shape [1, {string.Join(", ", tensor.Shape)}]", message);
                Assert.Contains($"config.json makes it [{string.Join(", ", tensor.Shape)}]", message);
            }
        }
    }

    [Theory]
    [InlineData("transformer.h.2.ln_1.weight")]
    [InlineData("transformer.h.2.attn.bias")]
    [InlineData("something")]
    public void Unexpected_tensors_are_named(string name)
    {
        var model = TinyModel.Gpt2();
        model.Add(name, 3);
        Assert.Contains($"model.safetensors: unexpected tensor '{name}' of shape [3]", Fault(model));
    }

    [Fact]
    public void A_tied_unembedding_that_differs_is_refused()
    {
        var model = TinyModel.Gpt2();
        model.Add("lm_head.weight", 11, 8);
        Assert.Contains("'lm_head.weight' differs from 'transformer.wte.weight'", Fault(model));
    }

    [Theory]
    [InlineData("F64", 8)]
    [InlineData("I32", 4)]
    [InlineData("F8_E4M3", 1)]
    public void Other_encodings_are_an_error_only_where_needed(string type, int bytes)
    {
        var model = TinyModel.Gpt2();
        model["transformer.h.0.ln_1.bias"] = new TensorData("transformer.h.0.ln_1.bias", type, [8], new byte[8 * bytes]);
        Assert.Contains($"tensor 'transformer.h.0.ln_1.bias' is {type}; weights must be F32, F16 or BF16", Fault(model));

        var masked = TinyModel.Gpt2();
        masked["transformer.h.0.attn.bias"] = new TensorData("transformer.h.0.attn.bias", type, [8], new byte[8 * bytes]);
        using var directory = new TemporaryDirectory();
        masked.Write(directory.Path);
        ModelLoader.Load(directory.Path).Dispose();
    }

    [Theory]
    [InlineData(float.NaN, "not a number")]
    [InlineData(float.PositiveInfinity, "infinite")]
    [InlineData(float.NegativeInfinity, "infinite")]
    public void Values_that_are_not_finite_are_named(float value, string expected)
    {
        var model = TinyModel.Gpt2();
        MemoryMarshal.Cast<byte, float>(model["transformer.h.1.mlp.c_fc.weight"].Bytes.AsSpan())[3 * 32 + 17] = value;
        Assert.Contains($"tensor 'transformer.h.1.mlp.c_fc.weight' is {expected} at [3, 17]", Fault(model));

        var unused = TinyModel.Gpt2();
        MemoryMarshal.Cast<byte, float>(unused["transformer.h.1.attn.masked_bias"].Bytes.AsSpan())[0] = value;
        using var directory = new TemporaryDirectory();
        unused.Write(directory.Path);
        ModelLoader.Load(directory.Path).Dispose();
    }

    [Theory]
    [InlineData("F16", 0x7C00, "infinite")]
    [InlineData("F16", 0xFE00, "not a number")]
    [InlineData("BF16", 0xFF80, "infinite")]
    [InlineData("BF16", 0x7FC0, "not a number")]
    public void Values_of_16_bits_that_are_not_finite_are_named(string type, int bits, string expected)
    {
        var model = TinyModel.Llama().As(type);
        MemoryMarshal.Cast<byte, ushort>(model["lm_head.weight"].Bytes.AsSpan())[79] = (ushort)bits;
        Assert.Contains($"tensor 'lm_head.weight' is {expected} at [9, 7]", Fault(model));
    }

    [Fact]
    public void A_fault_far_into_a_large_tensor_is_found()
    {
        var model = TinyModel.Llama();
        model.Config["vocab_size"] = 40000;
        var values = new float[40000 * 8];
        values[^2] = float.NaN;
        model["lm_head.weight"] = TensorData.F32("lm_head.weight", [40000, 8], values);
        model["model.embed_tokens.weight"] = TensorData.F32("model.embed_tokens.weight", [40000, 8], new float[values.Length]);
        Assert.Contains("tensor 'lm_head.weight' is not a number at [39999, 6]", Fault(model));
    }

    private static string ShardFault(Action<JsonObject> change, Action<TemporaryDirectory>? more = null)
    {
        using var directory = new TemporaryDirectory();
        var index = TinyModel.Llama().WriteShards(directory.Path, 2);
        change(index);
        File.WriteAllText(directory.File("model.safetensors.index.json"), index.ToJsonString());
        more?.Invoke(directory);
        return Fault(directory.Path);
    }

    [Theory]
    [InlineData("../model-00001-of-00002.safetensors")]
    [InlineData("/etc/passwd")]
    [InlineData("sub/model.safetensors")]
    [InlineData("sub\\model.safetensors")]
    [InlineData("C:model.safetensors")]
    [InlineData("..")]
    [InlineData("")]
    public void Shards_must_lie_in_the_directory(string shard) =>
        Assert.Contains("weight_map of tensor 'lm_head.weight'", ShardFault(index => index["weight_map"]!["lm_head.weight"] = shard));

    [Fact]
    public void Index_and_shards_must_agree()
    {
        const string first = "model-00001-of-00002.safetensors", second = "model-00002-of-00002.safetensors";
        Assert.Contains("index.json: weight_map must map", ShardFault(index => index.Remove("weight_map")));
        Assert.Contains("index.json: weight_map must map", ShardFault(index => index["weight_map"] = 3));
        Assert.Contains("tensor 'lm_head.weight' must be a file name", ShardFault(index => index["weight_map"]!["lm_head.weight"] = 3));
        Assert.Contains("shard 'gone.safetensors' is not in the directory",
            ShardFault(index => index["weight_map"]!["lm_head.weight"] = "gone.safetensors"));
        Assert.Contains($"'x' is not in '{first}' as weight_map says", ShardFault(index => index["weight_map"]!["x"] = first));
        Assert.Contains($"{first}: tensor 'lm_head.weight' is not in weight_map",
            ShardFault(index => index["weight_map"]!.AsObject().Remove("lm_head.weight")));
        Assert.Contains($"'lm_head.weight' is not in '{second}'", ShardFault(index => index["weight_map"]!["lm_head.weight"] = second));
        Assert.Contains($"is also in '{first}'", ShardFault(_ => { }, directory =>
            File.Copy(directory.File(first), directory.File(second), overwrite: true)));
        Assert.Contains($"{second}: ", ShardFault(_ => { }, directory => File.WriteAllBytes(directory.File(second), new byte[5])));
    }
}
