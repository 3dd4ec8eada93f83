using System.Text.Json.Nodes;
using Faith.Engine.Models;
using Xunit;

namespace Faith.Engine.Tests.Families;

/// <summary>What configurations say about rotary positions, norms of queries and keys, and the families that came with them.</summary>
public sealed class RotaryFamilyTests
{
    // As files of transformers 4 spell what those beside this one say in rope_parameters.
    [Theory]
    [InlineData("llama_linear", """{"rope_theta":10000.0,"rope_scaling":{"type":"linear","factor":4.0}}""")]
    [InlineData("llama_linear", """{"rope_theta":10000.0,"rope_scaling":{"rope_type":"linear","factor":4.0}}""")]
    [InlineData("llama_yarn", """{"rope_scaling":{"type":"yarn","factor":4.0,"original_max_position_embeddings":256}}""")]
    [InlineData("llama_yarn", """{"original_max_position_embeddings":256,"rope_scaling":{"rope_type":"yarn","factor":4.0,"beta_fast":32,"beta_slow":1}}""")]
    [InlineData("llama_llama3", """{"rope_theta":10000.0,"rope_scaling":{"rope_type":"llama3","factor":8.0,"high_freq_factor":4.0,"low_freq_factor":1.0,"original_max_position_embeddings":32}}""")]
    [InlineData("phi3_longrope", """{"rope_theta":10000.0,"rope_scaling":{"type":"longrope","long_factor":[1.08,1.55,2.3,4.1,7.4,9.9],"short_factor":[1.05,1.1,1.2,1.45,1.9,2.1]}}""")]
    [InlineData("phi3_longrope", """{"rope_scaling":{"type":"su","long_factor":[1.08,1.55,2.3,4.1,7.4,9.9],"short_factor":[1.05,1.1,1.2,1.45,1.9,2.1]}}""")]
    [InlineData("phi3_longrope", """{"rope_scaling":{"type":"longrope","factor":8.0,"long_factor":[1.08,1.55,2.3,4.1,7.4,9.9],"short_factor":[1.05,1.1,1.2,1.45,1.9,2.1]}}""")]
    [InlineData("qwen3", """{"rope_theta":1000000,"rope_scaling":null,"layer_types":null}""")]
    [InlineData("smollm3", """{"rope_theta":5000000.0,"no_rope_layers":null}""")]
    [InlineData("phi", """{"rope_theta":10000.0,"rope_scaling":null,"num_key_value_heads":null}""")]
    [InlineData("gptj", """{"n_inner":192,"rotary_dim":8}""")]
    [InlineData("falcon", """{"rope_theta":10000.0,"ffn_hidden_size":null}""")]
    public void BothSpellingsMeanTheSame(string family, string json)
    {
        using var expected = new FamilyDirectory(family).Load();
        using var changed = new FamilyDirectory(family).With(config => Respell(config, json));
        using var actual = ModelLoader.Load(changed.Path);
        Assert.Equal(expected.Config with { Windows = null }, actual.Config with { Windows = null });
        Assert.Equal(expected.Config.Windows, actual.Config.Windows);
    }

    [Fact]
    public void YarnTakesItsSettings()
    {
        YarnScaling Read(string settings)
        {
            using var changed = new FamilyDirectory("llama_yarn").With(config => Respell(config, $$$"""{"rope_scaling":{"type":"yarn","factor":4.0{{{settings}}}}}"""));
            using var weights = ModelLoader.Load(changed.Path);
            return Assert.IsType<YarnScaling>(weights.Config.Rotary![0]!.Scaling);
        }
        var usual = 0.1 * Math.Log(4) + 1;
        Assert.Equal(new YarnScaling(4, 1024, 32, 1, usual, true), Read(""));
        Assert.Equal(new YarnScaling(4, 128, 16, 2, 1.5, false), Read(""","original_max_position_embeddings":128,"beta_fast":16,"beta_slow":2,"attention_factor":1.5,"truncate":false"""));
        Assert.Equal((0.2 * Math.Log(4) + 1) / (0.05 * Math.Log(4) + 1), Read(""","mscale":2,"mscale_all_dim":0.5""").AttentionFactor, 1e-15);
        Assert.Equal(usual, Read(""","mscale":2""").AttentionFactor, 1e-15);
    }

    [Fact]
    public void LayersOfOneKindHaveTheirOwnSettings()
    {
        // Gemma 3's two spellings; the reader of its family asks for these.
        void Check(string json)
        {
            using var changed = new FamilyDirectory("llama_linear").With(config => Respell(config, json));
            var file = ConfigFile.Read(Path.Combine(changed.Path, "config.json"));
            Assert.Equal(new RotaryConfig(1e6, 16) { Scaling = new LinearScaling(8) }, RotarySettings.ReadOfLayers(file, 16, "full_attention", "rope_theta", 1e6, isScaled: true));
            Assert.Equal(new RotaryConfig(10000, 16), RotarySettings.ReadOfLayers(file, 16, "sliding_attention", "rope_local_base_freq", 1e4, isScaled: false));
        }
        Check("""{"rope_parameters":{"full_attention":{"factor":8.0,"rope_theta":1000000,"rope_type":"linear"},"sliding_attention":{"rope_theta":10000,"rope_type":"default"}}}""");
        Check("""{"rope_theta":1000000,"rope_local_base_freq":10000,"rope_scaling":{"factor":8.0,"rope_type":"linear"}}""");
        Check("""{"rope_scaling":{"factor":8.0,"rope_type":"linear"}}""");
    }

    [Theory]
    [InlineData("llama_linear", "rope_parameters", """{"rope_type":"linear"}""", "rope_parameters.factor is missing; expected a positive number")]
    [InlineData("llama_linear", "rope_parameters", """{"rope_type":"dynamic","factor":2}""", "rope_parameters.rope_type is \"dynamic\"; supported: default, linear, llama3, yarn, longrope (su)")]
    [InlineData("llama_linear", "rope_parameters", """{"rope_type":"ntk"}""", "rope_parameters.rope_type is \"ntk\"")]
    [InlineData("llama_yarn", "rope_parameters", """{"rope_type":"yarn"}""", "rope_parameters.factor is missing")]
    [InlineData("llama_yarn", "rope_parameters", """{"rope_type":"yarn","factor":4,"beta_fast":-1}""", "rope_parameters.beta_fast is -1; supported: a positive number")]
    [InlineData("phi3_longrope", "rope_parameters", """{"rope_type":"longrope","short_factor":[1,1,1,1,1,1]}""", "rope_parameters.long_factor is missing; expected a list of positive numbers")]
    [InlineData("phi3_longrope", "rope_parameters", """{"rope_type":"longrope","short_factor":[1,1],"long_factor":[1,1,1,1,1,1]}""", "short_factor is [1,1]; supported: a list of 6 positive numbers")]
    [InlineData("phi3_longrope", "rope_parameters", """{"rope_type":"longrope","short_factor":[1,1,1,0,1,1],"long_factor":[1,1,1,1,1,1]}""", "short_factor is [1,1,1,0,1,1]; supported: a list of positive numbers")]
    [InlineData("phi3_longrope", "rope_parameters", """{"rope_type":"longrope","factor":4,"short_factor":[1,1,1,1,1,1],"long_factor":[1,1,1,1,1,1]}""", "factor is 4; supported: max_position_embeddings / original_max_position_embeddings = 8, or none")]
    [InlineData("phi3_longrope", "original_max_position_embeddings", "1", "original_max_position_embeddings is 1; supported: at least 2")]
    [InlineData("phi3", "attention_bias", "true", "attention_bias is true; supported: false")]
    [InlineData("phi3", "num_key_value_heads", "2", "has shape [144, 48]; config.json makes it [96, 48]")]
    [InlineData("phi3", "intermediate_size", "64", "gate_up_proj.weight' has shape [256, 48]; config.json makes it [128, 48]")]
    [InlineData("phi", "num_key_value_heads", "1", "has shape [48, 48]; config.json makes it [16, 48]")]
    [InlineData("gptj", "rotary_dim", "null", "rotary_dim is absent; supported: an even number of the 16 columns of a head")]
    [InlineData("gptj", "rotary_dim", "18", "rotary_dim is 18; supported: an even number of the 16 columns")]
    [InlineData("gptj", "rotary_dim", "7", "rotary_dim is 7; supported")]
    [InlineData("gptj", "activation_function", "\"mish\"", "activation_function is \"mish\"; supported: gelu")]
    [InlineData("qwen3", "attention_bias", "true", "tensor 'model.layers.0.self_attn.q_proj.bias' of shape [64] is missing")]
    [InlineData("qwen3", "head_dim", "15", "the heads have 15 columns")]
    [InlineData("qwen3", "model_type", "\"qwen2\"", "for model_type qwen2: Qwen2ForCausalLM")]
    [InlineData("smollm3", "no_rope_layers", "[1,1]", "no_rope_layers is [1,1]; supported: 0 or 1 for each of 4 layers")]
    [InlineData("smollm3", "no_rope_layers", "[1,1,2,0]", "no_rope_layers is [1,1,2,0]; supported: a list of numbers 0 and 1")]
    [InlineData("smollm3", "mlp_bias", "true", "mlp.gate_proj.bias' of shape [80] is missing")]
    [InlineData("falcon", "multi_query", "false", "has shape [80, 48]; config.json makes it [144, 48]")]
    [InlineData("falcon", "parallel_attn", "false", "tensor 'transformer.h.0.post_attention_layernorm.weight' of shape [48] is missing")]
    [InlineData("falcon", "new_decoder_architecture", "true", "has shape [80, 48]; config.json makes it [144, 48]")]
    [InlineData("falcon", "apply_residual_connection_post_layernorm", "true", "apply_residual_connection_post_layernorm is true; supported: false")]
    [InlineData("falcon", "activation", "\"mish\"", "activation is \"mish\"; supported: gelu")]
    public void WhatIsNotSupportedIsNamed(string family, string key, string json, string expected)
    {
        using var changed = new FamilyDirectory(family).With(config => config[key] = JsonNode.Parse(json));
        var message = Assert.Throws<InputException>(() => ModelLoader.Load(changed.Path).Dispose()).Message;
        Assert.StartsWith(changed.Path, message);
        Assert.Contains(expected, message);
    }

    [Fact]
    public void LayersOfSmolLm3ThatTheListMarksWithOneRotate()
    {
        using var changed = new FamilyDirectory("smollm3").With(config => config["no_rope_layers"] = new JsonArray(0, 1, 1, 0));
        using var weights = ModelLoader.Load(changed.Path);
        Assert.Equal([false, true, true, false], Enumerable.Range(0, 4).Select(l => weights.Config.Rotary![l] is not null));
    }

    [Fact]
    public void SlidingLayersOfSmolLm3AreThoseWithoutPositions()
    {
        using var changed = new FamilyDirectory("smollm3").With(config =>
        {
            (config["use_sliding_window"], config["sliding_window"]) = (true, 3);
            config.Remove("layer_types");
        });
        using var weights = ModelLoader.Load(changed.Path);
        Assert.Equal([null, null, null, 3], Enumerable.Range(0, 4).Select(weights.Config.Window));
    }

    private static void Respell(JsonObject config, string json)
    {
        config.Remove("rope_parameters");
        foreach (var (key, value) in JsonNode.Parse(json)!.AsObject()) config[key] = value?.DeepClone();
    }
}
